import groovy.json.JsonSlurper
import org.codehaus.groovy.control.CompilerConfiguration

/*
 * groovy -cp executor executor/Run.groovy SETTINGS
 *
 * Runs one build of a Jenkinsfile, as the settings (JSON) say:
 *   jenkinsfile, directory (of the build), number, label (of the agents), speed (of the clock)
 *   parameters (those that were given), credentials, answers (to inputs), env (of the agents)
 *   scm: { directory, commit }, restartFrom (a stage) and restarted (the build before), or null
 * Leaves trace.jsonl, console.log, junit/, archive/ and stashes/ there; prints the result.
 */
Map settings = new JsonSlurper().parse(new File(args[0])) as Map
Build build = new Build(settings)
Steps steps = new Steps(build)
Binding binding = new Binding(
    jenkins: steps,
    declarative: new Declarative(build, steps),
    env: new Variables(build),
    scm: settings.scm,
)
CompilerConfiguration compiler = new CompilerConfiguration(scriptBaseClass: JenkinsScript.name)
build.script = new GroovyShell(this.class.classLoader, binding, compiler).parse(new File(settings.jenkinsfile as String))
try {
    build.script.run()
} catch (Exception | NoSuchMethodError why) {
    build.failedBy(why)
}
build.tell(event: 'result', result: build.result)
println build.result
