"""What Packer's ssh reaches in the place of build instances: each login finds a machine of its own.

Commands run for real on a `machine.Machine`, files arrive by scp: so the scripts go the whole
way that they go on AWS, and their exit status decides about the image.
"""

import logging
import socket
import subprocess
import threading

import paramiko

from machine import Machine

USER, PASSWORD = "ec2-user", "made-up"


class Instances:
    """An ssh server on loopback."""

    def __init__(self):
        self.machines: list[Machine] = []
        # Done to each new machine before anything runs on it.
        self.prepare = lambda machine: None
        # It calls Packer's look whether the port is open an error.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        self._key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            try:
                transport.start_server(server=_Login(self))
            except (paramiko.SSHException, EOFError):
                # Packer looks whether the port is open before it talks.
                continue

    def arrive(self) -> Machine:
        machine = Machine()
        self.prepare(machine)
        self.machines.append(machine)
        return machine

    def forget(self) -> None:
        """Takes the machines away that were there so far."""
        for machine in self.machines:
            machine.gone()
        self.machines = []

    def stop(self) -> None:
        # shutdown wakes the thread that accepts, close alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)
        self.forget()


class _Login(paramiko.ServerInterface):
    def __init__(self, instances: Instances):
        self._instances = instances
        self._machine: Machine | None = None

    def get_allowed_auths(self, username):
        return "password"

    def check_auth_password(self, username, password):
        if (username, password) != (USER, PASSWORD):
            return paramiko.AUTH_FAILED
        self._machine = self._instances.arrive()
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel, *_):
        return True

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=_execute, args=(self._machine, channel, command.decode()), daemon=True).start()
        return True


def _execute(machine: Machine, channel: paramiko.Channel, command: str) -> None:
    pipe = subprocess.PIPE
    process = machine.popen([machine.shell, "-c", command], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)

    def inwards():
        while data := channel.recv(32768):
            process.stdin.write(data)
        process.stdin.close()

    def outwards(source, send):
        while data := source.read(32768):
            send(data)
        source.close()

    # Apart from each other: scp talks on the one, and says on the other how it goes.
    flows = [
        threading.Thread(target=_flow, args=(outwards, process.stdout, channel.sendall), daemon=True),
        threading.Thread(target=_flow, args=(outwards, process.stderr, channel.sendall_stderr), daemon=True),
    ]
    threading.Thread(target=_flow, args=(inwards,), daemon=True).start()
    for flow in flows:
        flow.start()
    for flow in flows:
        flow.join()
    status = process.wait()
    _flow(channel.send_exit_status, status)
    channel.close()


def _flow(step, *arguments) -> None:
    """Does that until one of the two ends goes away, which either may at any time."""
    try:
        step(*arguments)
    except OSError:
        return
