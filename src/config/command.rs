//! Reads `command` checks, and what `command` and `ssm` expect of a program.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::checks::{regex, transpose};
use super::fleet::Scope;
use super::kinds::{CommandCheck, ProgramEnd};
use super::line::{self, Line};
use super::reader::{Map, Node};
use super::scalars::{duration, size};
use super::tree::Value;

const SECOND: Duration = Duration::from_secs(1);
/// The longest that one run of a program is waited for.
const LONGEST_RUN: Duration = Duration::from_secs(3_600);
const STANDARD_WITHIN: Duration = Duration::from_secs(30);
/// How many bytes of each stream are kept, unless told otherwise; the least and the most.
const KEPT: (usize, usize, usize) = (64 * 1024, 1024, 1024 * 1024);

pub(super) fn command(node: Node<'_>, on: Scope) -> Option<CommandCheck> {
    let mut map = node.map()?;
    let run = map.required("run").and_then(|node| run(node, on));
    let env = map.optional("env").map_or_else(|| Some(BTreeMap::new()), |node| env(node, on));
    let dir = map.optional("dir").map(dir);
    let kept = map.optional("output_limit").map_or(Some(KEPT.0), |node| size(node, KEPT.1, KEPT.2));
    let end = end(&mut map);
    let within = run_time(&mut map, STANDARD_WITHIN);
    map.finish();
    Some(CommandCheck {
        run: run?,
        env: env?,
        dir: transpose(dir)?,
        output_limit: kept?,
        end: end?,
        within: within?,
    })
}

/// `within`: how long one run may take.
pub(super) fn run_time(map: &mut Map<'_>, standard: Duration) -> Option<Duration> {
    map.optional("within").map_or(Some(standard), |node| duration(node, SECOND, LONGEST_RUN))
}

/// `exit`, `contains` and `matches`: how a program must end, and what it must say.
pub(super) fn end(map: &mut Map<'_>) -> Option<ProgramEnd> {
    let exit = map.optional("exit").map_or_else(|| Some(vec![0]), exits);
    let contains = map.optional("contains").map(|node| node.text().map(ToOwned::to_owned));
    let matches = map.optional("matches").map(regex);
    Some(ProgramEnd { exit: exit?, contains: transpose(contains)?, matches: transpose(matches)? })
}

/// One exit code, or a list of them.
fn exits(node: Node<'_>) -> Option<Vec<i32>> {
    let Value::List(_) = node.value() else { return Some(vec![node.whole(0, 255)?]) };
    if node.is_empty() {
        node.wrong_key("`exit` needs at least one exit code", None);
        return None;
    }
    let read: Vec<Option<i32>> = node.list().into_iter().map(|item| item.whole(0, 255)).collect();
    read.into_iter().collect()
}

/// The program and its arguments.
fn run(node: Node<'_>, on: Scope) -> Option<Vec<Line>> {
    if let Value::Text(text) = node.value() {
        let words: Vec<String> = text.split_whitespace().map(as_item).collect();
        let message = "`run` is a list of the program and its arguments: there is no shell";
        node.wrong(message, Some(format!("as in `run: [{}]`", words.join(", "))));
        return None;
    }
    let items = node.list();
    if node.is_empty() {
        node.wrong_key(
            "`run` needs a program",
            Some("as in `run: [./check.sh, \"{private_ip}\"]`".to_owned()),
        );
        return None;
    }
    let first = items.first().and_then(|node| program(*node, on));
    let others: Vec<Option<Line>> = items.iter().skip(1).map(|node| line::maybe_empty(*node, on)).collect();
    let others: Option<Vec<Line>> = others.into_iter().collect();
    Some([vec![first?], others?].concat())
}

/// A word as an item of a YAML list.
fn as_item(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "./_-=".contains(c);
    let is_text = word.contains(|c: char| c.is_ascii_alphabetic() || c == '/');
    if is_text && word.chars().all(plain) { word.to_owned() } else { format!("{word:?}") }
}

/// The program. A path can be looked at now, a bare name only on the machine's `PATH` of then.
fn program(node: Node<'_>, on: Scope) -> Option<Line> {
    let line = line::line(node, on)?;
    if let Some(text) = line.as_plain().filter(|text| text.contains('/'))
        && let Err(why) = runnable(Path::new(text))
    {
        node.wrong(format!("`{text}` {why}"), None);
        return None;
    }
    Some(line)
}

fn runnable(path: &Path) -> Result<(), String> {
    let found = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "is not there: paths are from where the program is started".to_owned()
        }
        _ => format!("can't be looked at: {error}"),
    })?;
    if !found.is_file() {
        return Err("is not a file".to_owned());
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err("is not executable: `chmod +x` makes it so".to_owned());
    }
    Ok(())
}

/// Variables of the program's environment.
fn env(node: Node<'_>, on: Scope) -> Option<BTreeMap<String, Line>> {
    if !matches!(node.value(), Value::Map(_)) {
        node.expected("a mapping of variables to values");
        return None;
    }
    let read: Vec<_> = node.entries().into_iter().map(|entry| variable(entry, on)).collect();
    read.into_iter().collect()
}

fn variable(node: Node<'_>, on: Scope) -> Option<(String, Line)> {
    let name = node.name();
    if name.is_empty() || name.contains(['=', '\0']) {
        node.wrong_key(format!("`{name}` is not the name of a variable"), None);
        return None;
    }
    if name.starts_with("AMI_REFRESH_") {
        let hint = "the program is given the variables of that name, see docs/configuration.md";
        node.wrong_key(format!("`{name}` can't be set here"), Some(hint.to_owned()));
        return None;
    }
    Some((name.to_owned(), line::maybe_empty(node, on)?))
}

/// The folder that the program runs in.
fn dir(node: Node<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(node.text()?);
    if !path.is_dir() {
        let why = if path.exists() { "is not a folder" } else { "is not there" };
        node.wrong(format!("`{}` {why}", path.display()), None);
        return None;
    }
    Some(path)
}
