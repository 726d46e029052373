import hudson.AbortException
import java.nio.file.Files as Disk
import java.nio.file.StandardCopyOption
import java.util.regex.Pattern

/** Files by Ant's patterns, as stash, junit and archiveArtifacts name them. */
class Files {
    /** From this size on a copy is a second name of the same file: binaries are large, and are not changed. */
    private static final long LARGE = 1_000_000

    /** The paths under a directory that match one of the patterns, which have commas between. */
    static List<String> matching(File directory, String patterns) {
        List<Pattern> wanted = patterns.split(',').collect { regex(it.trim()) }
        List<String> found = []
        if (directory.exists()) {
            directory.eachFileRecurse(groovy.io.FileType.FILES) { File file ->
                String path = directory.toPath().relativize(file.toPath()).toString()
                if (wanted.any { path ==~ it }) {
                    found << path
                }
            }
        }
        return found.sort()
    }

    private static Pattern regex(String ant) {
        String text = ant.replace('.', '\\.').replace('**/', '\u0001').replace('**', '\u0002')
            .replace('*', '[^/]*').replace('?', '[^/]').replace('\u0001', '(?:.*/)?').replace('\u0002', '.*')
        return Pattern.compile(text)
    }

    static void copy(File from, File to, List<String> paths) {
        for (String path : paths) {
            File source = new File(from, path)
            File target = new File(to, path)
            target.parentFile.mkdirs()
            target.delete()
            if (source.length() > LARGE) {
                Disk.createLink(target.toPath(), source.toPath())
            } else {
                Disk.copy(source.toPath(), target.toPath(), StandardCopyOption.COPY_ATTRIBUTES)
            }
        }
    }

    static void some(List<String> paths, String message) {
        if (!paths) {
            throw new AbortException(message)
        }
    }
}
