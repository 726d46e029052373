package hudson

/** What ends a build with a message and without a stack trace, as in Jenkins. */
class AbortException extends IOException {
    AbortException(String message) {
        super(message)
    }
}
