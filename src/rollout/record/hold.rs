//! Quarantine at the end of a rollout: found there meanwhile, or set by it.

use super::super::Run;
use super::super::patience::patiently;
use crate::config::Environment;
use crate::event::Event;
use crate::gate::{self, Quarantine};
use crate::model::ImageId;

/// Why the image may not pass any more: somebody put it into quarantine while it was rolled.
pub(super) async fn quarantined_meanwhile(run: &Run<'_>) -> Option<String> {
    let homes = run.homes();
    match patiently(run.clock, async || run.gates(&homes).await).await {
        Ok(records) => records.quarantined.into_iter().next().map(|(image, quarantine)| {
            format!("{image} was put into quarantine meanwhile: {}", quarantine.detail)
        }),
        // What can't be read can't be written either, and that is told then.
        Err(_) => None,
    }
}

/// Whether the image of a rollout that failed goes nowhere any more.
pub(super) enum Held {
    /// It is in quarantine.
    Yes,
    /// It is not, and this command puts it there.
    Offered(String),
    /// Nothing blames it.
    No,
}

/// Puts the image into quarantine where the configuration says so, or offers to.
pub(super) async fn hold_image(
    run: &Run<'_>,
    environment: &Environment,
    failed: &str,
    to_blame: bool,
) -> Held {
    let images: Vec<ImageId> = run.candidate.images.iter().map(|image| image.id.clone()).collect();
    let ids: Vec<&str> = images.iter().map(ImageId::as_str).collect();
    let by_hand =
        format!("ami-refresh quarantine add {} --reason \"…\", if the image is to blame", ids.join(" "));
    if quarantined_meanwhile(run).await.is_some() {
        // Who did that said why, and that stays.
        return Held::Yes;
    }
    if !environment.quarantine_on_failure || !to_blame {
        return Held::Offered(by_hand);
    }
    let homes = run.homes();
    let wanted: Vec<_> =
        run.candidate.images.iter().map(|image| (image.region.clone(), image.id.clone())).collect();
    let reason = format!("failed in {}: {failed}", environment.name);
    let record = Quarantine::new(true, run.clock.now(), "ami-refresh", &reason);
    let name = environment.name.clone();
    match patiently(run.clock, async || gate::quarantine(&homes, &wanted, &record).await).await {
        Ok(()) => {
            run.events.emit(Event::Quarantined { environment: name, images, reason });
            Held::Yes
        }
        Err(error) => {
            let text = format!("the image could not be put into quarantine: {error}");
            run.events.emit(Event::Note { environment: Some(name), text });
            Held::Offered(by_hand)
        }
    }
}
