/** `env`: the variables of a build, as Groovy sees them. */
class Variables {
    private final Build build

    Variables(Build build) {
        this.build = build
    }

    def propertyMissing(String name) {
        return build.variable(name)
    }

    void propertyMissing(String name, value) {
        build.own[name] = value?.toString()
    }
}
