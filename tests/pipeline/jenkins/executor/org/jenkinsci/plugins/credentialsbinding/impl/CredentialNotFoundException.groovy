package org.jenkinsci.plugins.credentialsbinding.impl

import hudson.AbortException

/** What `withCredentials` throws for an id that Jenkins does not have, by the plugin's own name. */
class CredentialNotFoundException extends AbortException {
    CredentialNotFoundException(String message) {
        super(message)
    }
}
