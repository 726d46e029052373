//! Runs at any time, over windows that change in any way, with messages that may be lost: what
//! every channel believes at the end is what holds.

use super::*;

/// What a channel believes: minute to groups.
type Belief = BTreeMap<(String, Minute), BTreeSet<Place>>;

/// The windows of one channel, as numbers.
type Drawn = BTreeMap<u8, BTreeSet<u8>>;

/// One run: how much later, what comes for each of three channels, and which messages are lost.
#[derive(Debug, Clone)]
struct Turn {
    later: i64,
    channels: Vec<Drawn>,
    lost: u8,
}

fn turn() -> impl Strategy<Value = Turn> {
    // Few openings and few groups, so that windows meet again, move and change.
    let windows =
        proptest::collection::btree_map(0_u8..14, proptest::collection::btree_set(0_u8..3, 1..3), 0..5);
    let channels = proptest::collection::vec(windows, 3);
    (0_i64..12 * 60, channels, any::<u8>()).prop_map(|(later, channels, lost)| Turn { later, channels, lost })
}

/// Windows open every twelve hours.
fn windows(drawn: &Drawn) -> Vec<Planned> {
    let of = |(opening, groups): (&u8, &BTreeSet<u8>)| {
        let names: Vec<String> = groups.iter().map(|group| format!("g{group}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let opens = at(SUNDAY) + jiff::SignedDuration::from_hours(12 * i64::from(*opening));
        Planned { opens, closes: None, groups: places(&names) }
    };
    drawn.iter().map(of).collect()
}

/// What a message changes in what its channel believes.
///
/// # Errors
/// What makes the message wrong.
fn believe(belief: &mut Belief, to: &str, notice: &Notice) -> Result<(), String> {
    let key = |at: Timestamp| (to.to_owned(), Minute::of(at));
    let (gone, window) = match notice {
        Notice::Announced(window) => (None, Some((window, false))),
        Notice::Changed(window) => (None, Some((window, true))),
        Notice::Moved { moved_from, to } => (Some(*moved_from), Some((to, false))),
        Notice::Cancelled { opens } => (Some(*opens), None),
    };
    if let Some(gone) = gone {
        belief.remove(&key(gone)).ok_or(format!("{gone} was never told to {to}"))?;
    }
    if let Some((window, known)) = window {
        let before = belief.insert(key(window.opens), window.groups.clone());
        if before.is_some() != known {
            return Err(format!("{} was told to {to} before: {}", window.opens, before.is_some()));
        }
        if before == Some(window.groups.clone()) {
            return Err(format!("{} did not change", window.opens));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_channel_believes_what_holds(turns in proptest::collection::vec(turn(), 1..9), days in 1_i64..8) {
        let qa = "qa".into();
        let (mut memory, mut belief) = (Memory::default(), Belief::new());
        let mut now = at(SUNDAY) - jiff::SignedDuration::from_mins(1);
        for turn in &turns {
            now += jiff::SignedDuration::from_mins(turn.later);
            let horizon = now + jiff::SignedDuration::from_hours(24 * days);
            let upcoming: BTreeMap<String, Vec<Planned>> = turn.channels.iter().enumerate()
                .map(|(number, drawn)| (format!("slack #{number}"), windows(drawn))).collect();
            let facts = Facts { environment: &qa, upcoming: &upcoming, now, horizon };
            // Some messages are lost at first, and none when it is tried again.
            for lost in [turn.lost, 0] {
                for (place, step) in decide(&facts, &memory).iter().enumerate() {
                    if lost >> (place % 8) & 1 == 0 {
                        step.delivered(&mut memory);
                        let told = believe(&mut belief, &step.to, &step.notice);
                        prop_assert_eq!(told, Ok(()));
                    }
                }
                memory = through_tags(&memory.without_past(now));
            }
            prop_assert_eq!(decide(&facts, &memory), Vec::new(), "a second time there is nothing to say");
            belief.retain(|(_, opens), _| *opens > Minute::of(now));
            prop_assert_eq!(memory.entries.len(), belief.len(), "nothing is remembered but what is ahead");
            for (to, windows) in &upcoming {
                for window in windows.iter().filter(|window| Minute::of(window.opens) > Minute::of(now)) {
                    let believed = belief.get(&(to.clone(), Minute::of(window.opens)));
                    prop_assert!(believed.is_none_or(|groups| *groups == window.groups));
                    prop_assert!(believed.is_some() || window.opens > horizon, "{} of {}", window.opens, to);
                }
            }
            for (to, opens) in belief.keys() {
                let comes = upcoming[to].iter().any(|window| Minute::of(window.opens) == *opens);
                prop_assert!(comes, "{} is told of {:?}, which does not come", to, opens);
            }
        }
    }
}
