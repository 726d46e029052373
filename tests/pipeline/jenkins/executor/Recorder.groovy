/** Remembers what is called and assigned on it; a bare name such as `none` is itself. */
class Recorder {
    final List<Map> calls = []
    final Map<String, String> assigned = [:]

    def methodMissing(String name, arguments) {
        Map call = [name: name, arguments: arguments as List]
        calls << call
        return call
    }

    def propertyMissing(String name) {
        return name
    }

    void propertyMissing(String name, value) {
        assigned[name] = value.toString()
    }
}
