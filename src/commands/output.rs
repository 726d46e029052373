//! What a step prints of its own: data on the standard output, errors on the standard error.

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
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !set("NO_COLOR") && (terminal || set("CLICOLOR_FORCE")),
        }
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
