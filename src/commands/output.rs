//! What a step prints of its own: data on the standard output, errors on the standard error.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::Failure;
use crate::cli::{Color, Global};
use crate::model::Problem;
use crate::report;

/// Where a step prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    color: Color,
}

impl Output {
    /// As the command line says.
    pub fn new(global: &Global) -> Self {
        Self { color: global.color }
    }

    /// Whether the standard output takes colour.
    pub fn color(self) -> bool {
        self.wants_color(io::stdout().is_terminal())
    }

    fn wants_color(self, terminal: bool) -> bool {
        wants_color(self.color, terminal, |name| std::env::var_os(name))
    }

    /// Whether progress that moves may be drawn: both outputs are terminals that can do it.
    pub fn is_live() -> bool {
        let terminal = io::stderr().is_terminal() && io::stdout().is_terminal();
        terminal && !is_dumb(|name| std::env::var_os(name))
    }

    /// Prints text as it is. A reader that has gone away is no error.
    ///
    /// # Errors
    /// When the standard output breaks otherwise.
    pub fn text(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Prints a value as JSON.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
        text.push('\n');
        self.text(&text)
    }

    /// Prints a line beside the data, on the standard error.
    pub fn note(self, line: &str) {
        // Nothing is left to tell it to when the standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Prints what stopped the step on the standard error.
    pub fn failure(self, failure: &Failure) {
        let color = self.wants_color(io::stderr().is_terminal());
        let mut err = io::stderr().lock();
        // Nothing is left to tell it to when the standard error is gone.
        let _ = match failure {
            Failure::Told(_, problems) => report::problems(&mut err, color, problems),
            Failure::Config(errors) => writeln!(err, "{errors}"),
            Failure::Unexpected(error) => {
                let problem = Problem::new(
                    format!("{error:#}"),
                    "this program did not expect it",
                    "run it again with -v; what it did in AWS is found again by the next run",
                );
                report::problems(&mut err, color, &[problem])
            }
        };
    }
}

/// Sends the SDK's and our own traces to the standard error, as much as was asked for.
pub(super) fn log(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "warn,ami_refresh=info,aws_smithy_runtime=info",
        2 => "info,ami_refresh=debug,aws_smithy_runtime=debug",
        _ => "debug,ami_refresh=trace",
    };
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr);
    // A second one in a process (in tests) changes nothing.
    let _ = subscriber.try_init();
}

/// Whether colour is used: the flag says, else the variables of <https://no-color.org> and
/// <https://bixense.com/clicolors> in their order, else whether it is a terminal.
fn wants_color(flag: Color, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    match flag {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR").is_some() => false,
        Color::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Color::Auto => terminal && set("CLICOLOR").is_none_or(|value| value != "0") && !is_dumb(variable),
    }
}

/// Whether the terminal says that it can do nothing but print.
fn is_dumb(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_then_no_color_then_clicolor_force_then_what_the_terminal_is() {
        let wants = |flag, terminal, variables: &[(&str, &str)]| {
            wants_color(flag, terminal, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        let all = [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")];
        assert!(wants(Color::Always, false, &all));
        assert!(!wants(Color::Never, true, &[("CLICOLOR_FORCE", "1")]));
        for (terminal, variables, wanted) in [
            (true, &[][..], true),
            (false, &[][..], false),
            (true, &[("NO_COLOR", "1")][..], false),
            (true, &[("NO_COLOR", "0")][..], false),
            (true, &[("NO_COLOR", "")][..], true),
            (false, &[("CLICOLOR_FORCE", "1")][..], true),
            (false, &[("CLICOLOR_FORCE", "0")][..], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")][..], false),
            (false, &[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")][..], true),
            (true, &[("CLICOLOR", "0")][..], false),
            (true, &[("CLICOLOR", "1")][..], true),
            (false, &[("CLICOLOR", "1")][..], false),
            (true, &[("TERM", "dumb")][..], false),
            (true, &[("TERM", "xterm-256color")][..], true),
        ] {
            assert_eq!(wants(Color::Auto, terminal, variables), wanted, "{terminal} {variables:?}");
        }
    }
}
