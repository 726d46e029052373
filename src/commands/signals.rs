//! The signals that end a run: SIGTERM, and Ctrl-C at a terminal.

use tokio::signal::unix::{Signal, SignalKind, signal};

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

/// The changes of the terminal's size; `None` where they can't be heard of.
pub(super) fn sizes() -> Option<Signal> {
    signal(SignalKind::window_change()).ok()
}

/// The next of them; never, where there are none.
pub(super) async fn next(sizes: &mut Option<Signal>) {
    let heard = match sizes {
        Some(sizes) => sizes.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}
