//! The rollout order, against what environments require of one another.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// A configuration of environments `e0`, `e1`, …, each with the positions that it requires.
fn requiring(requires: &[Vec<usize>]) -> String {
    let mut text = SMALL.split("environments:").next().unwrap().to_owned() + "environments:\n";
    for (at, required) in requires.iter().enumerate() {
        let names: Vec<String> = required.iter().map(|required| format!("e{required}")).collect();
        writeln!(text, "  - name: e{at}\n    account: \"{at:012}\"\n    select: {{ tags: {{ A: b }} }}")
            .unwrap();
        writeln!(text, "    gate: {{ requires: [{}] }}", names.join(", ")).unwrap();
    }
    text
}

fn order(requires: &[Vec<usize>]) -> Vec<String> {
    let fleet = parse(&requiring(requires)).unwrap();
    fleet.environments.iter().map(|environment| environment.name.to_string()).collect()
}

#[test]
fn the_order_is_that_of_the_file_but_for_what_is_required() {
    assert_eq!(order(&[vec![], vec![0], vec![0]]), ["e0", "e1", "e2"]);
    assert_eq!(order(&[vec![2], vec![], vec![]]), ["e1", "e2", "e0"]);
    assert_eq!(order(&[vec![3], vec![0], vec![], vec![]]), ["e2", "e3", "e0", "e1"]);
}

#[test]
fn a_circle_is_one_mistake_that_names_all_of_it() {
    let found = mistakes(&requiring(&[vec![], vec![3], vec![1], vec![2, 0], vec![3]]));
    assert_eq!(
        found,
        ["15:24 `e1` requires `e3`, which requires `e2`, which requires `e1`: none of them could ever start"]
    );
    let two = mistakes(&requiring(&[vec![1], vec![0], vec![3], vec![2], vec![4]]));
    assert_eq!(two.len(), 3, "{two:#?}");
    assert!(two[2].ends_with("`e4` requires itself, and could never start"), "{two:#?}");
}

proptest! {
    #[test]
    fn what_is_required_comes_first_or_lies_in_a_circle(
        requires in prop::collection::vec(prop::collection::btree_set(0..8_usize, 0..3), 8)
    ) {
        let requires: Vec<Vec<usize>> = requires.into_iter().map(Vec::from_iter).collect();
        // Who reaches itself by what is required.
        let mut reach: Vec<Vec<bool>> = (0..8).map(|at| (0..8).map(|to| requires[at].contains(&to)).collect()).collect();
        for between in 0..8 {
            for from in 0..8 {
                for to in 0..8 {
                    reach[from][to] |= reach[from][between] && reach[between][to];
                }
            }
        }
        let circular = (0..8).any(|at| reach[at][at]);
        match parse(&requiring(&requires)) {
            Ok(fleet) => {
                prop_assert!(!circular);
                let place = |at: usize| {
                    let name = format!("e{at}");
                    fleet.environments.iter().position(|environment| environment.name.as_str() == name).unwrap()
                };
                for at in 0..8 {
                    prop_assert!(requires[at].iter().all(|required| place(*required) < place(at)));
                    // Nobody waits for more than what is required: whoever comes before it
                    // though later in the file is required by it, or by what keeps it waiting.
                    for later in at + 1..8 {
                        if place(later) < place(at) {
                            prop_assert!((0..8).any(|other| reach[at][other] && other >= later));
                        }
                    }
                }
            }
            Err(errors) => {
                prop_assert!(circular, "{}", errors);
                prop_assert!(errors.mistakes.iter().all(|mistake| mistake.message.contains("could")));
            }
        }
    }
}
