//! A message as Slack takes it, and as a person would read it.
//!
//! Text from outside enters by [`Line::text`], [`Line::code`] and [`Line::link`] only, which
//! leave nothing in it that Slack takes for a mention, a link or the end of one.

use serde_json::{Value, json};

use crate::report::clean;

/// The most characters that Slack takes in one block.
const BLOCK: usize = 3000;

/// The most characters of all blocks together: Slack takes 40,000 in a message.
const MESSAGE: usize = 30_000;

/// The words that call everybody when they follow an `@`.
const CALLS: [&str; 3] = ["channel", "here", "everyone"];

/// The colour of the bar beside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// It goes on.
    Progress,
    /// All is well.
    Good,
    /// Somebody should know.
    Warning,
    /// It failed.
    Danger,
}

/// One line of a message, in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// The program's own words.
    Own(&'static str),
    Text(String),
    Bold(String),
    Code(String),
    Link {
        url: String,
        label: String,
    },
}

/// A message: a title, and lines beside a coloured bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// What stands above everything, such as that this is a simulation.
    pub(crate) above: Option<Line>,
    /// The title.
    pub(crate) title: Line,
    /// The bar's colour.
    pub(crate) color: Color,
    /// The lines beside the bar.
    pub(crate) lines: Vec<Line>,
}

impl Color {
    /// Slack's name of it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Progress => "#439fe0",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }

    /// The word for people who see no colours; the usual one has none.
    fn word(self) -> &'static str {
        match self {
            Self::Progress => "",
            Self::Good => " [good]",
            Self::Warning => " [warning]",
            Self::Danger => " [danger]",
        }
    }
}

impl Line {
    /// A line that begins with the program's own words.
    pub(crate) fn say(words: &'static str) -> Self {
        Self::default().and(words)
    }

    /// The program's own words, as they are.
    pub(crate) fn and(mut self, words: &'static str) -> Self {
        self.0.push(Piece::Own(words));
        self
    }

    /// Any text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.push(Piece::Text(harmless(text)));
        self
    }

    /// Any text, in bold.
    pub(crate) fn bold(mut self, text: &str) -> Self {
        self.0.push(Piece::Bold(harmless(text)));
        self
    }

    /// A name or a command, as it is typed.
    pub(crate) fn code(mut self, text: &str) -> Self {
        self.0.push(Piece::Code(harmless(text)));
        self
    }

    /// A link; an address that is not one of the web stands there as text.
    pub(crate) fn link(mut self, url: &str, label: &str) -> Self {
        let (url, label) = (harmless(url), harmless(label));
        let web = url.starts_with("https://") || url.starts_with("http://");
        let whole = !url.contains(char::is_whitespace) && url.chars().count() < clean::LINE;
        self.0.push(if web && whole {
            Piece::Link { url, label }
        } else {
            Piece::Text(format!("{label} ({url})"))
        });
        self
    }

    /// Adds all pieces of another line.
    pub(crate) fn line(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn mrkdwn(&self) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Own(words) => text.push_str(words),
                Piece::Text(any) => text.push_str(&escaped(any)),
                Piece::Bold(any) if any.is_empty() => {}
                Piece::Bold(any) => text.extend(["*", &escaped(&any.replace('*', "∗")), "*"]),
                Piece::Code(any) if any.is_empty() => {}
                // A backtick would end the code, and nothing can stand for one in there.
                Piece::Code(any) => text.extend(["`", &escaped(&any.replace('`', "'")), "`"]),
                Piece::Link { url, label } => {
                    text.extend(["<", &address(url), "|", &escaped(label), ">"]);
                }
            }
        }
        text
    }

    pub(in crate::notify) fn reading(&self) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Own(words) => text.push_str(words),
                Piece::Text(any) | Piece::Bold(any) | Piece::Code(any) => text.push_str(any),
                Piece::Link { url, label } if url == label => text.push_str(url),
                Piece::Link { url, label } => {
                    text.extend([label.as_str(), " (", url, ")"]);
                }
            }
        }
        text
    }
}

impl Message {
    /// The message's part of a request's body.
    pub(crate) fn payload(&self) -> Value {
        let fallback = self.title.reading();
        let blocks: Vec<Value> = self.blocks().iter().map(|block| section(block)).collect();
        json!({
            "text": self.head(|line| cut(line.mrkdwn())),
            "attachments": [{ "color": self.color.as_str(), "fallback": cut(escaped(&fallback)), "blocks": blocks }],
            "unfurl_links": false,
            "unfurl_media": false,
        })
    }

    /// The message as a person would read it.
    pub(crate) fn reading(&self) -> String {
        let mut text = self.head(Line::reading);
        // Writing to a string does not fail.
        text.push_str(self.color.word());
        for line in &self.lines {
            text.push_str("\n| ");
            text.push_str(&line.reading());
        }
        text
    }

    /// The message without any form: in one line, and in several.
    pub(crate) fn plain(&self) -> (String, String) {
        let lines: Vec<String> =
            self.above.iter().chain([&self.title]).chain(&self.lines).map(Line::reading).collect();
        let first = usize::from(self.above.is_some()) + 2;
        (lines[..first.min(lines.len())].join("; "), lines.join("\n"))
    }

    fn head(&self, render: impl Fn(&Line) -> String) -> String {
        let lines: Vec<String> = self.above.iter().chain([&self.title]).map(render).collect();
        lines.join("\n")
    }

    /// The lines in blocks that Slack takes: whole lines, as many as there is room for.
    fn blocks(&self) -> Vec<String> {
        let mut blocks = vec![String::new()];
        let (mut in_block, mut in_all) = (0, 0);
        for (at, line) in self.lines.iter().enumerate() {
            let line = cut(line.mrkdwn());
            let length = line.encode_utf16().count() + 1;
            if in_all + length > MESSAGE {
                let left = self.lines.len() - at;
                blocks.push(format!("… and {left} more {}", if left == 1 { "line" } else { "lines" }));
                break;
            }
            if in_block + length > BLOCK {
                blocks.push(String::new());
                in_block = 0;
            }
            if let Some(block) = blocks.last_mut() {
                if !block.is_empty() {
                    block.push('\n');
                }
                block.push_str(&line);
            }
            in_block += length;
            in_all += length;
        }
        blocks.retain(|block| !block.is_empty());
        blocks
    }
}

fn section(text: &str) -> Value {
    // `verbatim`: Slack must not look for names of people or channels in it by itself.
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// A line that no block has room for is cut, between characters and not inside of `&amp;`.
fn cut(line: String) -> String {
    let most = BLOCK - 2;
    if line.encode_utf16().count() <= most {
        return line;
    }
    let mut kept = String::new();
    let mut length = 0;
    for c in line.chars() {
        length += c.len_utf16();
        if length >= most {
            break;
        }
        kept.push(c);
    }
    if let Some(begun) = kept.rfind('&').filter(|begun| !kept[*begun..].contains(';')) {
        kept.truncate(begun);
    }
    // What was opened must not stay open over the rest of the message.
    if let Some(begun) = kept.rfind('<').filter(|begun| !kept[*begun..].contains('>')) {
        kept.truncate(begun);
    }
    kept.push('…');
    kept
}

/// One line without controls, and without characters that turn the direction of writing.
fn harmless(text: &str) -> String {
    let turning =
        |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    clean::line(text).chars().filter(|c| !turning(c)).collect()
}

/// Text in which Slack finds neither its own signs nor a call for everybody.
fn escaped(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '&' => kept.push_str("&amp;"),
            '<' => kept.push_str("&lt;"),
            '>' => kept.push_str("&gt;"),
            '@' => {
                kept.push('@');
                let ahead: String = rest.as_str().chars().take(8).collect::<String>().to_lowercase();
                if CALLS.iter().any(|call| ahead.starts_with(call)) {
                    // A word joiner: nobody sees it, and Slack sees no call.
                    kept.push('\u{2060}');
                }
            }
            _ => kept.push(c),
        }
    }
    kept
}

/// An address that can't end the link it stands in.
fn address(url: &str) -> String {
    url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C")
}
