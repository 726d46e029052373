/**
 * The declarative part: takes the `pipeline` block apart, and runs its stages in order.
 *
 * Directives that the Jenkinsfile does not use are errors, so that none is passed over. Not here: CPS
 * and its serialisation, the script sandbox, agents' queues, and what plugins do by themselves.
 */
class Declarative {
    private static final List<String> CONDITIONS =
        ['always', 'changed', 'fixed', 'regression', 'aborted', 'success', 'unsuccessful', 'unstable', 'failure', 'notBuilt', 'cleanup']

    private final Build build
    private final Steps steps

    Declarative(Build build, Steps steps) {
        this.build = build
        this.steps = steps
    }

    void run(Closure block) {
        Map<String, Object> parts = directives(block, ['agent', 'options', 'triggers', 'parameters', 'environment', 'stages', 'post'])
        if (parts.agent != 'none') {
            throw new IllegalArgumentException('an agent at the top holds an executor to the end')
        }
        Map declared = parts.subMap(['options', 'triggers', 'parameters']).collectEntries { name, closure ->
            [name, calls(closure as Closure)]
        }
        build.tell(event: 'declared', declared: declared)
        build.script.binding.setVariable('params', parameters(declared.parameters as List))
        Map<String, String> variables = assignments(parts.environment as Closure)
        Build.within(build.layers, variables) {
            stages(parts.stages as Closure)
            post(parts.post as Closure)
        }
    }

    private void stages(Closure block) {
        boolean reached = !build.settings.restartFrom
        for (Map call : calls(block)) {
            String name = call.arguments[0]
            reached = reached || name == build.settings.restartFrom
            if (!reached || build.result in ['FAILURE', 'ABORTED']) {
                build.tell(event: 'skipped', name: name, why: reached ? 'an earlier failure' : 'restarted after it')
                continue
            }
            Map<String, Object> parts = directives(call.arguments[1] as Closure, ['when', 'steps'])
            if (parts.when && !wanted(parts.when as Closure)) {
                build.tell(event: 'skipped', name: name, why: 'when')
                continue
            }
            try {
                steps.stage(name) { own(parts.steps as Closure).call() }
            } catch (Exception why) {
                build.failedBy(why)
            }
        }
    }

    private boolean wanted(Closure block) {
        Map<String, Object> parts = directives(block, ['expression'])
        return own(parts.expression as Closure).call()
    }

    private void post(Closure block) {
        Map<String, Object> parts = directives(block, CONDITIONS)
        for (String condition : CONDITIONS.findAll { parts[it] && holds(it) }) {
            try {
                steps.stage("post: ${condition}") { own(parts[condition] as Closure).call() }
            } catch (Exception why) {
                build.failedBy(why)
            }
        }
    }

    private boolean holds(String condition) {
        switch (condition) {
            case ['always', 'cleanup']: return true
            case 'unsuccessful': return build.result != 'SUCCESS'
            case ['success', 'unstable', 'failure', 'aborted']: return build.result == condition.toUpperCase()
            default: throw new IllegalArgumentException("post ${condition} needs the build before")
        }
    }

    /** Those that the job has are known by their defaults, whether somebody gave them or not. */
    private Map parameters(List<Map> declared) {
        Map known = declared.collectEntries { Map call ->
            Map options = call.arguments[0] as Map
            [options.name, options.containsKey('choices') ? options.choices[0] : options.defaultValue]
        }
        Map given = build.settings.parameters as Map
        if (!known.keySet().containsAll(given.keySet())) {
            throw new IllegalArgumentException("there are the parameters ${known.keySet()}, not ${given.keySet()}")
        }
        return known + given
    }

    // --- Reading closures ---------------------------------------------------------------------

    /** A closure of steps, as if it were written at the script's top. */
    private Closure own(Closure closure) {
        return closure.rehydrate(build.script, build.script, build.script)
    }

    /** What a block calls, in order; nested calls give `[name:, arguments:]`, too. */
    private static List<Map> calls(Closure block) {
        Recorder recorder = new Recorder()
        Closure closure = block.rehydrate(recorder, recorder, recorder)
        closure.resolveStrategy = Closure.DELEGATE_ONLY
        closure.call()
        return recorder.calls.findAll { Map call -> !recorder.calls.any { it.arguments.any { argument -> argument.is(call) } } }
    }

    private static Map<String, Object> directives(Closure block, List<String> known) {
        return calls(block).collectEntries { Map call ->
            if (!known.contains(call.name)) {
                throw new IllegalArgumentException("the directive ${call.name} is not known here")
            }
            [call.name, call.arguments[0]]
        }
    }

    private static Map<String, String> assignments(Closure block) {
        Recorder recorder = new Recorder()
        Closure closure = block.rehydrate(recorder, recorder, recorder)
        closure.resolveStrategy = Closure.DELEGATE_ONLY
        closure.call()
        return recorder.assigned
    }
}
