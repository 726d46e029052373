import hudson.AbortException
import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * The steps that the Jenkinsfile uses; any other is an error, as in a Jenkins without its plugin.
 *
 * Every node has a new workspace with a stranger's files in it: what the next node needs must
 * have travelled by stash, and nothing may depend on what an earlier build left.
 */
class Steps {
    final Build build
    private final Shell shell

    Steps(Build build) {
        this.build = build
        shell = new Shell(build)
    }

    // --- Where work is done -------------------------------------------------------------------

    def node(String label, Closure body) {
        if (label != build.settings.label) {
            throw new AbortException("There are no nodes with the label '${label}'")
        }
        File workspace = new File(build.directory, "agents/${new File(build.directory, 'agents').list()?.size() ?: 0}/workspace")
        new File(workspace, 'reports/old').mkdirs()
        new File(workspace, 'reports/old/junit-old.xml').text = 'from another build'
        new File(workspace, 'candidate.json').text = '{"version": 0}'
        build.tell(event: 'node', state: 'begin', label: label)
        try {
            return Build.within(build.workspaces, workspace) { body() }
        } finally {
            build.tell(event: 'node', state: 'end')
        }
    }

    def stage(String name, Closure body) {
        return Build.within(build.stages, name) {
            build.tell(event: 'stage', state: 'begin', name: name)
            build.say("=== ${build.stages.join(' > ')}")
            String how = 'failed'
            try {
                def given = body()
                how = 'done'
                return given
            } finally {
                build.tell(event: 'stage', state: 'end', name: name, how: how)
            }
        }
    }

    def lock(String resource, Closure body) {
        build.tell(event: 'lock', resource: resource)
        return Build.within(build.locks, resource) { body() }
    }

    /** The time itself is not tried here. */
    def timeout(Map limit, Closure body) {
        build.tell(event: 'timeout', time: limit.time, unit: limit.unit)
        return body()
    }

    def withEnv(List<?> variables, Closure body) {
        Map<String, String> layer = variables.collectEntries { it.toString().split('=', 2) as List }
        return Build.within(build.layers, layer) { body() }
    }

    def script(Closure body) {
        return body()
    }

    // --- Credentials --------------------------------------------------------------------------

    Map usernamePassword(Map binding) {
        return binding + [kind: 'usernamePassword']
    }

    Map string(Map binding) {
        return binding + [kind: 'string']
    }

    def withCredentials(List<Map> bindings, Closure body) {
        Map<String, String> layer = [:]
        for (Map binding : bindings) {
            Map found = build.settings.credentials[binding.credentialsId] as Map
            if (found?.kind != binding.kind) {
                throw new CredentialNotFoundException("Could not find credentials entry with ID '${binding.credentialsId}'")
            }
            layer += binding.kind == 'string' ? [(binding.variable): found.secret]
                : [(binding.usernameVariable): found.username, (binding.passwordVariable): found.password]
        }
        return Build.within(build.layers, layer) { body() }
    }

    // --- Work ---------------------------------------------------------------------------------

    def sh(String text) {
        return sh(script: text)
    }

    def sh(Map asked) {
        if (asked.returnStatus && asked.returnStdout) {
            throw new IllegalArgumentException('you can not use both returnStatus and returnStdout')
        }
        if (!(asked.script instanceof String)) {
            throw new AbortException('a script that Groovy put together: what is in it may be a secret, or somebody\'s words')
        }
        Map ran = shell.run(asked.script as String, asked.returnStdout as boolean)
        if (asked.returnStatus) {
            return ran.code
        }
        if (ran.code != 0) {
            throw new AbortException("script returned exit code ${ran.code}")
        }
        return asked.returnStdout ? ran.stdout : null
    }

    void echo(String text) {
        build.tell(event: 'echo', text: text)
        build.say(text)
    }

    void error(CharSequence text) {
        throw new AbortException(text.toString())
    }

    String pwd() {
        return build.workspace.path
    }

    String readFile(String path) {
        return new File(build.workspace, path).text
    }

    void deleteDir() {
        build.workspace.deleteDir()
        build.workspace.mkdirs()
    }

    Map checkout(Map scm) {
        File from = new File(scm.directory as String)
        Files.copy(from, build.workspace, Files.matching(from, '**'))
        return [GIT_COMMIT: scm.commit]
    }

    // --- Waiting ------------------------------------------------------------------------------

    /** So long by the simulator's clock. */
    void sleep(Map asked) {
        if (asked.unit != 'SECONDS') {
            throw new IllegalArgumentException("${asked.unit}")
        }
        build.tell(event: 'sleep', seconds: asked.time)
        build.say("Sleeping for ${asked.time} s")
        double speed = build.settings.speed as double
        long until = System.currentTimeMillis() + Math.ceil((asked.time as long) * 1000 / speed) as long
        while (System.currentTimeMillis() < until) {
            Thread.sleep(Math.max(1L, Math.min(20L, until - System.currentTimeMillis())))
            if (build.takeAbort()) {
                build.tell(event: 'abort', during: 'sleep')
                throw new FlowInterruptedException('aborted')
            }
        }
    }

    /** The settings say how each is answered, by its message. */
    void input(Map asked) {
        String answer = (build.settings.answers as Map).find { words, _ -> asked.message.contains(words as String) }?.value
        build.tell(event: 'input', message: asked.message, answer: answer)
        if (answer == null) {
            throw new IllegalStateException("nobody was to be asked: ${asked.message}")
        }
        if (answer != 'proceed') {
            throw new FlowInterruptedException('Rejected by somebody')
        }
    }

    // --- What is kept -------------------------------------------------------------------------

    void stash(Map asked) {
        List<String> paths = Files.matching(build.workspace, asked.includes as String)
        Files.some(paths, 'No files included in stash')
        File stash = new File(build.directory, "stashes/${asked.name}")
        stash.deleteDir()
        Files.copy(build.workspace, stash, paths)
        build.tell(event: 'stash', name: asked.name, files: paths)
    }

    void unstash(String name) {
        File own = new File(build.directory, "stashes/${name}")
        // A build that was restarted from a stage has those of the one before.
        File from = own.exists() || !build.settings.restarted ? own
            : new File(build.settings.restarted as String, "stashes/${name}")
        if (!from.exists()) {
            throw new AbortException("No such saved stash ‘${name}’")
        }
        Files.copy(from, build.workspace, Files.matching(from, '**'))
    }

    void archiveArtifacts(String artifacts) {
        archiveArtifacts(artifacts: artifacts)
    }

    void archiveArtifacts(Map asked) {
        List<String> paths = Files.matching(build.workspace, asked.artifacts as String)
        if (!asked.allowEmptyArchive) {
            Files.some(paths, "No artifacts found that match the file pattern \"${asked.artifacts}\"")
        }
        Files.copy(build.workspace, new File(build.directory, 'archive'), paths)
        build.tell(event: 'archive', files: paths)
    }

    /** Publishes the files; one that can't be read is a failure of its own, as in the plugin. */
    void junit(Map asked) {
        List<String> paths = Files.matching(build.workspace, asked.testResults as String)
        if (!asked.allowEmptyResults) {
            Files.some(paths, 'No test report files were found. Configuration error?')
        }
        int bad = 0
        paths.each { String path ->
            File file = new File(build.workspace, path)
            File kept = new File(build.directory, "junit/${path.replaceAll('[/ ]', '_')}")
            kept.parentFile.mkdirs()
            kept.bytes = file.bytes
            def suites = new XmlSlurper().parse(file)
            bad += suites.'**'.count { it.name() in ['failure', 'error'] }
        }
        build.tell(event: 'junit', files: paths, failures: bad)
        if (bad) {
            build.worsen('UNSTABLE')
        }
    }
}
