package org.jenkinsci.plugins.workflow.steps

/** An abort, a rejected input, a time-out: ends the build as ABORTED. */
class FlowInterruptedException extends InterruptedException {
    FlowInterruptedException(String why) {
        super(why)
    }
}
