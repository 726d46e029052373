/** What a Jenkinsfile is a subclass of: `pipeline`, and every step by its name. */
abstract class JenkinsScript extends Script {
    void pipeline(Closure block) {
        binding.getVariable('declarative').run(block)
    }

    def methodMissing(String name, arguments) {
        Steps steps = binding.getVariable('jenkins') as Steps
        if (!steps.respondsTo(name, arguments as Object[])) {
            throw new NoSuchMethodError("No such DSL method '${name}' found among steps, with ${(arguments as List)*.class*.simpleName}")
        }
        return steps.invokeMethod(name, arguments)
    }
}
