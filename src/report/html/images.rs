//! The images: what is known of the new one and of those before it, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::super::style::{count, duration};
use super::room::Room;
use super::view::View;
use super::words::{line, moment};
use crate::model::{ImageFacts, ImageId};

/// How many pairs of images are compared.
const PAIRS: usize = 8;
/// Tags that tell of an image's way, not of what is in it.
const OWN_TAGS: &str = "ami-refresh:";
/// Those of them that tell where it comes from.
const TELLING_TAGS: [&str; 4] =
    ["ami-refresh:family", "ami-refresh:build", "ami-refresh:build-url", "ami-refresh:commit"];

/// A new image and one that it replaced, and in how many groups.
struct Pair<'a> {
    new: &'a ImageId,
    old: &'a ImageId,
    /// Their names, as far as anybody told.
    new_name: &'a str,
    old_name: &'a str,
    groups: usize,
}

/// The section; empty where no image is known.
pub(super) fn section(view: &View<'_>, room: &Room) -> Markup {
    let pairs = pairs(view);
    let candidates: BTreeSet<(&ImageId, &str, String)> = view
        .runs
        .iter()
        .flat_map(|run| &run.images)
        .map(|image| (&image.id, image.name.as_str(), format!("{}, {}", image.region, image.architecture)))
        .collect();
    if candidates.is_empty() {
        return html! {};
    }
    let (compared, mut left_out) = room.take_all(pairs.iter().take(PAIRS).map(|pair| compared(view, pair)));
    left_out += pairs.len().saturating_sub(PAIRS);
    html! {
        section id="images" aria-labelledby="images-title" {
            h2 id="images-title" { "Images" }
            ul.brief {
                @for (id, name, place) in &candidates { li { b { (line(name)) } " " code { (line(id.as_str())) } " " span.note { (line(place)) } } }
            }
            @for pair in &compared { (pair) }
            @if left_out > 0 { p.note { (count(left_out, "more earlier image")) " not compared here." } }
        }
    }
}

/// The pairs, those of most groups first.
fn pairs<'a>(view: &View<'a>) -> Vec<Pair<'a>> {
    let mut pairs: BTreeMap<(&ImageId, &ImageId), Pair<'a>> = BTreeMap::new();
    for entry in &view.entries {
        for planned in entry.environment.groups.iter().filter_map(|group| group.planned.as_ref()) {
            let (Some(new), Some(old)) = (&planned.new_image, &planned.image) else { continue };
            if new == old {
                continue;
            }
            let known = entry.run.images.iter().find(|image| image.id == *new);
            let new_name = known.map_or("", |image| image.name.as_str());
            let pair = Pair { new, old, new_name, old_name: &planned.image_name, groups: 0 };
            pairs.entry((new, old)).or_insert(pair).groups += 1;
        }
    }
    let mut pairs: Vec<Pair<'a>> = pairs.into_values().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.groups));
    pairs
}

fn compared(view: &View<'_>, pair: &Pair<'_>) -> Markup {
    let facts = |id: &ImageId| view.runs.iter().rev().find_map(|run| run.described.get(id));
    let (new, old) = (facts(pair.new), facts(pair.old));
    let shown = |name: &str, id: &ImageId| line(if name.is_empty() { id.as_str() } else { name });
    html! {
        div.card {
            h3 { (shown(pair.old_name, pair.old)) " " span.arrow aria-hidden="true" { "→" } span.hidden { " replaced by " } " " (shown(pair.new_name, pair.new)) }
            p.note { "in " (count(pair.groups, "group")) }
            (facts_table(pair, old, new, &view.look.timezone))
            @if let (Some(old), Some(new)) = (old, new) { (tags(&old.tags, &new.tags)) }
            @else { p.note { "EC2 has told no more of " @if old.is_none() && new.is_none() { "either" } @else if old.is_none() { "the old one" } @else { "the new one" } " in this run, so their tags are not compared." } }
        }
    }
}

fn facts_table(
    pair: &Pair<'_>,
    old: Option<&ImageFacts>,
    new: Option<&ImageFacts>,
    zone: &TimeZone,
) -> Markup {
    let made = |facts: Option<&ImageFacts>| facts.and_then(|facts| facts.created);
    let when = |at: Option<Timestamp>| at.map_or(String::new(), |at| moment(at, zone));
    let text = |facts: Option<&ImageFacts>| facts.map_or(String::new(), |facts| line(&facts.description));
    let rows = [
        ("Id", line(pair.old.as_str()), line(pair.new.as_str())),
        ("Name", line(pair.old_name), line(pair.new_name)),
        ("Made", when(made(old)), when(made(new))),
        ("Description", text(old), text(new)),
    ];
    let newer = made(old)
        .zip(made(new))
        .and_then(|(old, new)| u64::try_from(new.duration_since(old).as_millis()).ok());
    html! {
        div.scroll role="region" aria-label="Facts of both images" tabindex="0" {
            table {
                thead { tr { th scope="col" { "Fact" } th scope="col" { "Before" } th scope="col" { "Now" } } }
                tbody {
                    @for (what, old, new) in rows.iter().filter(|(_, old, new)| !(old.is_empty() && new.is_empty())) {
                        tr { th scope="row" { (what) } td { (old) } td { (new) } }
                    }
                    @if let Some(ms) = newer.filter(|ms| *ms > 0) {
                        tr { th scope="row" { "Between them" } td {} td { (duration(ms)) " newer" } }
                    }
                }
            }
        }
    }
}

/// The tags that differ; those that do not, and our own, are folded.
fn tags(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Markup {
    // EC2 shows nobody the tags of an image that another account shares.
    let unseen = match (old.is_empty(), new.is_empty()) {
        (false, false) => None,
        (true, true) => Some("either image"),
        (true, false) => Some("the old image"),
        (false, true) => Some("the new image"),
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let is_folded = |key: &&String| {
        unseen.is_some() || key.starts_with(OWN_TAGS) && !TELLING_TAGS.contains(&key.as_str())
    };
    let (own, keys): (Vec<_>, Vec<_>) = keys.into_iter().partition(is_folded);
    let (same, differ): (Vec<&String>, Vec<&String>) =
        keys.into_iter().partition(|key| old.get(*key) == new.get(*key));
    let value =
        |tags: &BTreeMap<String, String>, key: &str| tags.get(key).map_or(String::new(), |value| line(value));
    let change = |key: &str| match (old.contains_key(key), new.contains_key(key)) {
        (true, true) => "changed",
        (false, _) => "added",
        (true, false) => "gone",
    };
    html! {
        @if let Some(image) = unseen {
            p.note { "No tags of " (image) " can be seen, so they are not compared." }
        } @else if differ.is_empty() {
            p { "Their tags say nothing of a difference." }
        } @else {
            h4 { "What changed, by their tags" }
            div.scroll role="region" aria-label="Tags that changed" tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Tag" } th scope="col" { "" span.hidden { "Change" } } th scope="col" { "Before" } th scope="col" { "Now" } } }
                    tbody {
                        @for key in &differ {
                            tr { th scope="row" { (line(key)) } td.note { (change(key)) } td { (value(old, key)) } td { (value(new, key)) } }
                        }
                    }
                }
            }
        }
        @if !(same.is_empty() && own.is_empty()) {
            details {
                summary { (count(same.len() + own.len(), "other tag")) }
                ul.brief {
                    @for key in same { li { b { (line(key)) } " " (value(new, key)) } }
                    @for key in own {
                        li { b { (line(key)) } " " (value(new, key)) @if !new.contains_key(key) { (value(old, key)) " " span.note { "(old image)" } } }
                    }
                }
            }
        }
    }
}
