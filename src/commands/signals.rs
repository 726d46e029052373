//! The signals that end a run: SIGTERM, and Ctrl-C at a terminal.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for the signal that is to end the run, and gives its name.
///
/// # Errors
/// When the system takes no handler.
pub(super) async fn ended() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
