import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * Runs a script as the durable task plugin does: `sh -xe`, no terminal, no input, and SIGHUP, SIGINT
 * and SIGQUIT ignored. An abort sends SIGTERM to every process that has the build's cookie,
 * children first, and SIGKILL to what is left after five seconds.
 */
class Shell {
    private static final long PATIENCE_MS = 5_000

    final Build build
    private int count = 0

    Shell(Build build) {
        this.build = build
    }

    /** Gives the exit code, and what it printed if `stdout` is wanted; throws after an abort. */
    Map run(String text, boolean wantsStdout) {
        File log = new File(build.directory, "sh-${++count}.log")
        File out = wantsStdout ? new File(build.directory, "sh-${count}.out") : log
        File script = new File(build.directory, "sh-${count}.sh")
        script.text = text.stripIndent()
        String ignoring = 'trap "" HUP INT QUIT; exec sh -xe "$0"'
        ProcessBuilder builder = new ProcessBuilder('setsid', '--wait', 'sh', '-c', ignoring, script.path)
        builder.directory(build.workspace)
        builder.environment().clear()
        builder.environment().putAll(build.environment())
        builder.redirectInput(new File('/dev/null'))
        builder.redirectError(ProcessBuilder.Redirect.appendTo(log))
        builder.redirectOutput(ProcessBuilder.Redirect.appendTo(out))
        build.tell(event: 'sh', state: 'begin', script: text, log: log.name)
        long begun = System.currentTimeMillis()
        Process process = builder.start()
        boolean aborted = false
        while (process.alive) {
            Thread.sleep(20)
            if (!aborted && build.takeAbort()) {
                aborted = true
                build.tell(event: 'abort', during: log.name)
                kill()
            }
        }
        long took = System.currentTimeMillis() - begun
        int code = process.exitValue()
        build.tell(event: 'sh', state: 'end', script: text, log: log.name, code: code, ms: took, aborted: aborted)
        build.say("--- ${log.name} (exit ${code})\n${log.exists() ? log.text : ''}")
        if (aborted) {
            throw new FlowInterruptedException('aborted')
        }
        return [code: code, stdout: wantsStdout ? out.text : null]
    }

    private void kill() {
        long begun = System.currentTimeMillis()
        signal('TERM', processes())
        while (processes() && System.currentTimeMillis() - begun < PATIENCE_MS) {
            Thread.sleep(20)
        }
        List<String> left = processes()
        build.tell(event: 'killed', left: left.size(), ms: System.currentTimeMillis() - begun)
        signal('KILL', left)
    }

    private static void signal(String name, List<String> processes) {
        if (processes) {
            ['kill', "-${name}".toString(), *processes].execute().waitFor()
        }
    }

    /** The ids of the build's processes, children before their parents. */
    private List<String> processes() {
        Map<String, String> parents = [:]
        new File('/proc').eachDirMatch(~/\d+/) { File one ->
            try {
                // What has ended and is only waited for has no environment.
                if (new File(one, 'environ').getText('ISO-8859-1').split('\0').contains("JENKINS_SERVER_COOKIE=${build.cookie}".toString())) {
                    String stat = new File(one, 'stat').getText('ISO-8859-1')
                    parents[one.name] = stat.substring(stat.lastIndexOf(')') + 2).split(' ')[1]
                }
            } catch (IOException gone) {
                // It ended, or is not ours to read.
            }
        }
        Closure<Integer> depth
        depth = { String id -> parents.containsKey(id) ? 1 + depth(parents[id]) : 0 }
        return parents.keySet().sort { -depth(it) }
    }
}
