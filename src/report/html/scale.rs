//! Where moments stand on a timeline, in percent of its width.
//!
//! [`Scale`] is linear where something happens and folds long stretches in which nothing does, so
//! that a rollout of four evenings shows its minutes and not its nights. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From when until when.
pub(super) type Span = (Timestamp, Timestamp);

/// A stretch without anything is folded when it is longer than this, …
const SHORTEST_FOLD: i64 = 30 * 60;
/// … and than this part of all that happens.
const FOLD_PART: i64 = 8;
/// How wide a fold is, and how much all folds take at most, in percent.
const FOLD: f64 = 4.0;
const FOLDS: f64 = 36.0;
/// What is left free at both ends, in percent, for the labels there.
const MARGIN: f64 = 1.0;
/// How far the next label must be from one, and from one that names the day, in percent.
const LABEL: f64 = 8.0;
const DAY_LABEL: f64 = 13.0;
/// Distances between ticks, in seconds.
const STEPS: [i64; 13] = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800];

/// Moments to percent.
#[derive(Debug)]
pub(super) struct Scale {
    pieces: Vec<Piece>,
}

/// A stretch on which the scale is linear.
#[derive(Debug)]
struct Piece {
    from: Timestamp,
    until: Timestamp,
    left: f64,
    right: f64,
    folded: bool,
}

/// A moment with its label.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// In percent.
    pub(super) x: f64,
    /// `15:30`, with the day where that is another than before: `Mon 15:00`.
    pub(super) label: String,
}

impl Scale {
    /// A scale over these spans; what lies between two of them may be folded.
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable();
        let happening: i64 = joined(&spans, 0).iter().map(seconds).sum();
        let mut busy = joined(&spans, SHORTEST_FOLD.max(happening / FOLD_PART));
        if busy.is_empty() {
            busy.push((Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH));
        }
        Self { pieces: laid_out(&busy) }
    }

    /// Where a moment stands; before the first span at its left, after the last at its right.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        for piece in &self.pieces {
            if at <= piece.until {
                let part = ratio(at.max(piece.from).duration_since(piece.from), piece.length());
                return piece.left + part * (piece.right - piece.left);
            }
        }
        100.0 - MARGIN
    }

    /// What is folded: from where to where, and how long it is.
    pub(super) fn folds(&self) -> impl Iterator<Item = (f64, f64, SignedDuration)> {
        self.pieces.iter().filter(|piece| piece.folded).map(|piece| (piece.left, piece.right, piece.length()))
    }

    /// Round moments, far enough apart for their labels; the first of each busy stretch is one.
    pub(super) fn ticks(&self, zone: &TimeZone) -> Vec<Tick> {
        let busy = || self.pieces.iter().filter(|piece| !piece.folded);
        let happening: i64 = busy().map(|piece| piece.length().as_secs()).sum();
        let step = STEPS.into_iter().find(|step| happening / step <= 7).unwrap_or(STEPS[STEPS.len() - 1]);
        let mut ticks: Vec<Tick> = Vec::new();
        let mut day = None;
        for piece in busy() {
            let mut at = piece.from;
            while at <= piece.until {
                let x = self.x(at);
                let local = at.to_zoned(zone.clone());
                if ticks.last().is_none_or(|last| x - last.x >= last.width()) && x <= 100.0 - LABEL / 2.0 {
                    let format = if day == Some(local.date()) { "%H:%M" } else { "%a %H:%M" };
                    day = Some(local.date());
                    ticks.push(Tick { x, label: local.strftime(format).to_string() });
                }
                at = next_round(at, step, i64::from(local.offset().seconds()));
            }
        }
        ticks
    }
}

impl Tick {
    /// How much room its label takes.
    fn width(&self) -> f64 {
        if self.label.len() > "15:30".len() { DAY_LABEL } else { LABEL }
    }
}

impl Piece {
    fn length(&self) -> SignedDuration {
        self.until.duration_since(self.from)
    }
}

/// The next moment that is round by the wall clock.
fn next_round(at: Timestamp, step: i64, offset: i64) -> Timestamp {
    let wall = at.as_second() + offset;
    Timestamp::from_second((wall.div_euclid(step) + 1) * step - offset).unwrap_or(Timestamp::MAX)
}

fn seconds(span: &Span) -> i64 {
    span.1.duration_since(span.0).as_secs()
}

/// The spans, in order, with those made one that are no further apart than `gap` seconds.
fn joined(spans: &[Span], gap: i64) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for &(from, until) in spans {
        match joined.last_mut() {
            Some(last) if from.duration_since(last.1).as_secs() <= gap => last.1 = last.1.max(until),
            _ => joined.push((from, until.max(from))),
        }
    }
    joined
}

#[expect(clippy::cast_precision_loss, reason = "a handful of folds")]
fn laid_out(busy: &[Span]) -> Vec<Piece> {
    let folds = (busy.len() - 1) as f64;
    let fold = if folds > 0.0 { FOLD.min(FOLDS / folds) } else { 0.0 };
    let room = 100.0 - 2.0 * MARGIN - folds * fold;
    let happening = busy.iter().map(|span| span.1.duration_since(span.0)).sum::<SignedDuration>();
    let mut pieces: Vec<Piece> = Vec::new();
    for &(from, until) in busy {
        let mut left = MARGIN;
        if let Some(last) = pieces.last() {
            let (start, before) = (last.right, last.until);
            left = start + fold;
            pieces.push(Piece { from: before, until: from, left: start, right: left, folded: true });
        }
        let right = left + ratio(until.duration_since(from), happening) * room;
        pieces.push(Piece { from, until, left, right, folded: false });
    }
    pieces
}

fn ratio(part: SignedDuration, whole: SignedDuration) -> f64 {
    if whole.is_zero() { 0.0 } else { (part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 / 3600 * 3600 + minutes * 60).unwrap()
    }

    #[test]
    fn what_happens_is_linear_and_a_night_between_is_folded() {
        let scale = Scale::new(vec![(at(0), at(60)), (at(60 * 20), at(60 * 21))]);
        let folds: Vec<_> = scale.folds().collect();
        assert_eq!(folds.len(), 1);
        assert_eq!(folds[0].2, SignedDuration::from_hours(19));
        assert!((folds[0].1 - folds[0].0 - FOLD).abs() < 1e-9);
        let hour = scale.x(at(60)) - scale.x(at(0));
        assert!((hour - (scale.x(at(60 * 21)) - scale.x(at(60 * 20)))).abs() < 1e-9);
        assert!((scale.x(at(30)) - scale.x(at(0)) - hour / 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_short_gap_is_no_fold() {
        assert_eq!(Scale::new(vec![(at(0), at(60)), (at(80), at(120))]).folds().count(), 0);
    }

    #[test]
    fn moments_stay_in_order_and_inside() {
        let spans = vec![(at(500), at(800)), (at(0), at(1)), (at(0), at(30)), (at(3000), at(3000))];
        let scale = Scale::new(spans);
        let xs: Vec<f64> = (-10..3100).map(|minute| scale.x(at(minute))).collect();
        assert!(xs.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(xs.iter().all(|x| (0.0..=100.0).contains(x)));
    }

    #[test]
    fn nothing_at_all_has_a_scale_too() {
        let scale = Scale::new(vec![]);
        assert!((0.0..=100.0).contains(&scale.x(at(5))));
        assert!(scale.ticks(&TimeZone::UTC).len() <= 1);
    }

    #[test]
    fn ticks_are_round_name_the_day_once_and_leave_room_for_labels() {
        let scale = Scale::new(vec![(at(7), at(97)), (at(60 * 26), at(60 * 27))]);
        let ticks = scale.ticks(&TimeZone::UTC);
        assert!(ticks.len() >= 4, "{ticks:?}");
        assert!(ticks.windows(2).all(|pair| pair[1].x - pair[0].x >= LABEL));
        assert_eq!(ticks.iter().filter(|tick| tick.label.len() > 5).count(), 2, "{ticks:?}");
        assert!(ticks[1].label.ends_with(":30") || ticks[1].label.ends_with(":00"), "{ticks:?}");
    }

    #[test]
    fn many_folds_leave_room_for_what_happens() {
        let spans = (0..200).map(|day| (at(day * 1440), at(day * 1440 + 60))).collect();
        let scale = Scale::new(spans);
        let folded: f64 = scale.folds().map(|(left, right, _)| right - left).sum();
        assert!(folded <= FOLDS + 1e-9);
    }
}
