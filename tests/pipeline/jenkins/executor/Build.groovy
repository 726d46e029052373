import groovy.json.JsonOutput
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * One build: its settings, its variables, where it stands, and what is written of it.
 *
 * `trace.jsonl` has an event a line; each says which stages, nodes and locks were held. Whoever
 * wants to abort the build makes a file `abort` in its directory. Runs no step by itself.
 */
class Build {
    final Map settings
    final File directory
    final Map<String, String> own = [:]
    final List<String> stages = []
    final List<File> workspaces = []
    final List<String> locks = []
    /** What withEnv, withCredentials and the environment directive laid over the rest, innermost last. */
    final List<Map<String, String>> layers = []
    String result = 'SUCCESS'
    /** Set by Run: what steps are run with. */
    Script script

    private final File trace
    private final File console

    Build(Map settings) {
        this.settings = settings
        directory = new File(settings.directory as String)
        trace = new File(directory, 'trace.jsonl')
        console = new File(directory, 'console.log')
        own.putAll(settings.env as Map)
        own.putAll([BUILD_NUMBER: "${settings.number}".toString(), JOB_NAME: 'image',
                    BUILD_URL: "https://jenkins.example/job/image/${settings.number}/".toString(),
                    BUILD_TAG: "jenkins-image-${settings.number}".toString()])
        // Parameters that nobody gave are no variables: so it is in the first build of a job.
        (settings.parameters as Map).each { name, value -> own[name as String] = value as String }
    }

    /** What every process of the build has in its environment, for the abort to find it by. */
    String getCookie() {
        return "durable-${settings.number}-${directory.name}-${directory.absolutePath.hashCode()}"
    }

    File getWorkspace() {
        if (!workspaces) {
            throw new IllegalStateException('Required context class hudson.FilePath is missing: this step needs a node')
        }
        return workspaces.last()
    }

    String variable(String name) {
        for (Map<String, String> layer : layers.reverse()) {
            if (layer.containsKey(name)) {
                return layer[name]
            }
        }
        return own[name]
    }

    /** The variables of a process; `PATH+WHAT` goes in front of PATH. */
    Map<String, String> environment() {
        Map<String, String> all = new LinkedHashMap<>(own)
        for (Map<String, String> layer : layers) {
            layer.each { name, value ->
                if (name.startsWith('PATH+')) {
                    all.PATH = "${value}:${all.PATH}".toString()
                } else {
                    all[name] = value
                }
            }
        }
        all.JENKINS_SERVER_COOKIE = cookie
        all.WORKSPACE = workspace.path
        return all
    }

    void tell(Map event) {
        Map whole = [at: System.currentTimeMillis(), nodes: workspaces.size(), locks: locks.clone(), stages: stages.clone()]
        trace << JsonOutput.toJson(whole + event) + '\n'
    }

    void say(String text) {
        console << text + '\n'
    }

    void worsen(String to) {
        List<String> order = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'ABORTED']
        if (order.indexOf(to) > order.indexOf(result)) {
            result = to
        }
    }

    /** Takes note of what ended a stage: an interruption aborts, anything else fails. */
    void failedBy(Throwable why) {
        worsen(why instanceof FlowInterruptedException ? 'ABORTED' : 'FAILURE')
        tell(event: 'failed', by: why.class.name, message: why.message)
        say("ERROR: ${why.message}")
        boolean ours = why instanceof hudson.AbortException || why instanceof FlowInterruptedException
        if (!ours) {
            StringWriter text = new StringWriter()
            why.printStackTrace(new PrintWriter(text))
            say(text.toString())
        }
    }

    /** Whether somebody asked for an abort; true once. */
    boolean takeAbort() {
        File asked = new File(directory, 'abort')
        return asked.exists() && asked.renameTo(new File(directory, 'aborted'))
    }

    /** Does the work with something pushed on a stack, whatever becomes of it. */
    static within(List stack, Object what, Closure work) {
        stack.add(what)
        try {
            return work()
        } finally {
            stack.remove(stack.size() - 1)
        }
    }
}
