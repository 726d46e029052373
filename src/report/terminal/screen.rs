//! The terminal that the live view is drawn on.
//!
//! indicatif fills every line with blanks up to the terminal's edge, for the next to begin below.
//! A terminal that breaks its lines anew when it is made narrower has two rows then of each, one of
//! which nobody takes away. [`Screen`] writes no blanks, goes to the next row itself, and keeps
//! the cursor below the view, so that what others print begins on a row of its own.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::TermLike;

/// A terminal's size, which may be another each time that it is asked.
#[derive(Clone)]
pub(super) struct Size(Arc<dyn Fn() -> (u16, u16) + Send + Sync>);

impl Size {
    /// One that is told by `tell`: rows and columns.
    pub(super) fn new(tell: impl Fn() -> (u16, u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// That of the terminal on the standard error.
    pub(super) fn of_stderr() -> Self {
        Self::new(|| match rustix::termios::tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
            Ok(_) | Err(_) => USUAL,
        })
    }

    fn rows(&self) -> u16 {
        (self.0)().0
    }

    /// How many columns there are.
    pub(super) fn columns(&self) -> u16 {
        (self.0)().1
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Size").field(&(self.0)()).finish()
    }
}

/// What is taken where a terminal does not tell its size.
const USUAL: (u16, u16) = (24, 80);

/// How often a second the view is drawn at most.
pub(super) const HERTZ: u8 = 20;

/// A terminal, and what is still to be written to it.
pub(super) struct Screen<W> {
    state: Mutex<State<W>>,
    size: Size,
}

#[derive(Debug)]
struct State<W> {
    out: W,
    /// What is written with the next flush: a view is drawn in one piece.
    pending: Vec<u8>,
    /// Whether a line of the view is whole.
    line_ended: bool,
    /// Whether the cursor is on the row below the view.
    is_below: bool,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, size: Size) -> Self {
        let state = State { out, pending: Vec::new(), line_ended: false, is_below: false };
        Self { state: Mutex::new(state), size }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what `TermLike` wants of each of its functions")]
    fn with(&self, act: impl FnOnce(&mut State<W>)) -> io::Result<()> {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

impl<W> State<W> {
    fn add(&mut self, text: &str) {
        self.pending.extend_from_slice(text.as_bytes());
    }

    fn go(&mut self, by: usize, way: char) {
        self.line_ended = false;
        if by > 0 {
            self.add(&format!("\u{1b}[{by}{way}"));
        }
    }
}

impl<W: Write + Send + fmt::Debug> TermLike for Screen<W> {
    /// One column less than there are: behind the last one, terminals differ in where the cursor is.
    fn width(&self) -> u16 {
        self.size.columns().saturating_sub(1).max(1)
    }

    /// One row less than there are: the cursor has it.
    fn height(&self) -> u16 {
        self.size.rows().saturating_sub(1).max(1)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.with(|state| {
            let below = usize::from(std::mem::take(&mut state.is_below));
            state.go(n + below, 'A');
        })
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.with(|state| state.go(n, 'B'))
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.with(|state| state.go(n, 'C'))
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.with(|state| state.go(n, 'D'))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.with(|state| {
            state.add(text);
            state.add("\r\n");
        })
    }

    /// A line of the view, or the blanks behind it, which only say that it is whole.
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.with(|state| {
            if text.trim_matches(' ').is_empty() {
                state.line_ended = true;
                return;
            }
            if std::mem::take(&mut state.line_ended) {
                state.add("\r\n");
            }
            state.add(text);
        })
    }

    fn clear_line(&self) -> io::Result<()> {
        self.with(|state| state.add("\r\u{1b}[2K"))
    }

    fn flush(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.line_ended) {
            state.add("\r\n");
            state.is_below = true;
        }
        let pending = std::mem::take(&mut state.pending);
        state.out.write_all(&pending)?;
        state.out.flush()
    }
}

impl<W> fmt::Debug for Screen<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("size", &self.size).finish_non_exhaustive()
    }
}
