//! Reports made again from journals, put together, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use quick_xml::events::Event as Xml;

use super::place::{Place, manifest};

const OTHER: &str = "ami-0aaaabbbbccccdddd";

/// The files below a directory but journals and messages, by their path there.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(at) = dirs.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(dir).unwrap().display().to_string();
            match path.is_dir() {
                true => dirs.push(path),
                false if name.starts_with("journal") || name.starts_with("messages") => {}
                false => drop(found.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    found
}

/// The classes and names of all cases in all files of a report directory.
fn cases(place: &Place, dir: &str) -> BTreeSet<(String, String)> {
    let mut names = BTreeSet::new();
    for (name, bytes) in files(&place.path(dir)) {
        if !name.starts_with("junit-") {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        loop {
            match reader.read_event().unwrap() {
                Xml::Eof => break,
                Xml::Start(tag) | Xml::Empty(tag) if tag.name().as_ref() == "testcase" => {
                    let value = |key: &str| {
                        let found = tag.attributes().map(Result::unwrap).find(|one| one.key.as_ref() == key);
                        found.map(|one| one.value.to_string()).unwrap()
                    };
                    names.insert((value("classname"), value("name")));
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn the_reports_of_a_rehearsal_are_made_again_to_the_byte_and_in_place_too() {
    let place = Place::empty();
    place.run("rehearse --scenario app-down --groups *-qa --when now").exits(4);
    let first = files(&place.path("reports"));
    assert!(first.len() >= 10, "{:?}", first.keys());
    let ran = place.run("report reports/journal.jsonl --report-dir again").exits(0);
    ran.says(&[
        "1 run, in order of time",
        "rolled back (exit 4)",
        "SIMULATION: scenario app-down",
        "reports: ",
    ]);
    let mut second = files(&place.path("again"));
    // The files of attachments are named as the report directory is.
    for bytes in second.values_mut() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("[[ATTACHMENT|again/", "[[ATTACHMENT|reports/").into_bytes();
    }
    // The page links the journal that is beside it, and names one that is elsewhere.
    let (linked, named) =
        ("<a href=\"journal.jsonl\">journal.jsonl</a>", "<code>reports/journal.jsonl</code>");
    let page = second.get_mut("report.html").unwrap();
    let text = String::from_utf8(page.clone()).unwrap();
    assert!(text.contains(named) && !text.contains(linked), "the journal is not beside this page");
    *page = text.replace(named, linked).into_bytes();
    assert!(first == second, "{:?}\n{:?}", first.keys(), second.keys());
    fs::remove_file(place.path("reports/junit-qa.xml")).unwrap();
    place.run("report reports").exits(0);
    assert!(first == files(&place.path("reports")));
}

#[test]
fn a_journal_that_was_cut_off_is_reported_as_far_as_it_goes() {
    let place = Place::empty();
    place.run("rehearse --env sandbox --env dev --when now").exits(0);
    let whole = place.read("reports/journal.jsonl");
    let line = whole.lines().position(|line| line.contains("\"check_ended\"")).unwrap();
    let start: usize = whole.split_inclusive('\n').take(line).map(str::len).sum();
    place.write("killed/journal.jsonl", &whole[..start + 40]);
    let ran = place.run("report killed --report-dir out").exits(0);
    ran.says(&[
        &format!("killed/journal.jsonl:{}: cut off in the middle of the line", line + 1),
        "not finished: the journal is cut off",
        "sandbox",
    ]);
    let xml = place.read("out/junit-sandbox.xml");
    assert!(xml.contains("the run was ended before this"), "{xml}");
    assert!(place.read("out/summary.json").contains("\"exit\": null"));
}

#[test]
fn damage_stops_it_with_the_line_and_the_next_step_unless_told_to_go_on() {
    let place = Place::empty();
    place.run("rehearse --env sandbox --when now").exits(0);
    let mut lines: Vec<String> = place.read("reports/journal.jsonl").lines().map(ToOwned::to_owned).collect();
    lines[4] = lines[4].replacen('"', "", 1);
    lines.insert(6, "{\"at\":\"2026-11-22T19:00:00Z\",\"event\":\"moon_rose\"}".to_owned());
    place.write("bad/journal.jsonl", &(lines.join("\n") + "\n"));
    let ran = place.run("report bad --report-dir out").exits(2);
    ran.says(&["error: bad/journal.jsonl:5 is not an event", "next: ", "--skip-damaged"]);
    assert!(!place.path("out").exists(), "nothing is written of what can't be trusted");
    let ran = place.run("report bad --report-dir out --skip-damaged").exits(0);
    ran.says(&[
        "bad/journal.jsonl:5: damaged and left out",
        "bad/journal.jsonl:7: left out, an event of the unknown",
    ]);
    assert!(place.path("out/junit-sandbox.xml").is_file());
}

#[test]
fn what_is_no_journal_is_told_with_the_next_step() {
    let place = Place::empty();
    place.write("empty/notes.txt", "nothing");
    place.write("blank/journal.jsonl", "\n");
    place.write("other.xml", "<a/>\n");
    for (args, says) in [
        ("report nowhere", "failed to read the journal nowhere"),
        ("report empty", "there is no journal in empty"),
        ("report blank", "the journal blank/journal.jsonl holds no run"),
        ("report other.xml", "other.xml:1 is not an event"),
        ("report --compare other.xml", "--compare takes two rollouts"),
    ] {
        place.run(args).exits(2).says(&[says, "next: "]);
    }
    place.run("report").exits(2).says(&["JOURNAL|DIR"]);
}

#[test]
fn journals_of_several_runs_become_one_set_and_a_copy_counts_once() {
    let place = Place::empty();
    place.run("rehearse --env sandbox --when now --report-dir one").exits(0);
    place.run("rehearse --env sandbox --env dev --when now --at 2026-11-24T10:00 --report-dir two").exits(0);
    fs::create_dir(place.path("copy")).unwrap();
    fs::copy(place.path("one/journal.jsonl"), place.path("copy/journal.jsonl")).unwrap();
    let ran = place.run("report two one copy --report-dir both").exits(0);
    ran.says(&["2 runs, in order of time", "sandbox (run 1, rehearse, earlier)", "which counts once"]);
    let names: Vec<String> = files(&place.path("both")).into_keys().collect();
    assert_eq!(
        names,
        [
            "earlier-runs/run-1/junit-sandbox.xml",
            "junit-dev.xml",
            "junit-sandbox.xml",
            "report.css",
            "report.html",
            "summary.json"
        ]
    );
    assert_eq!(place.read("both/junit-sandbox.xml"), place.read("two/junit-sandbox.xml"));
    // A copy that was made in the middle of the run is none of its own either, wherever it is named.
    let whole = place.read("one/journal.jsonl");
    let half: String = whole.split_inclusive('\n').take(whole.lines().count() / 2).collect();
    place.write("half/journal.jsonl", &half);
    for order in ["half one two", "two one half"] {
        let ran = place.run(&format!("report {order} --report-dir again")).exits(0);
        ran.says(&["2 runs, in order of time", "which counts once: the longer one"]);
        let earlier = "earlier-runs/run-1/junit-sandbox.xml";
        assert_eq!(
            place.read(&format!("again/{earlier}")),
            place.read(&format!("both/{earlier}")),
            "{order}"
        );
    }
}

#[test]
fn two_rollouts_are_compared_as_text_and_as_json() {
    let place = Place::empty();
    place.run("rehearse --env qa --when now --report-dir good").exits(0);
    place.run("rehearse --env qa --when now --scenario app-down --report-dir bad").exits(4);
    let ran = place.run("report --compare bad good").exits(0);
    ran.says(&[
        "bad/journal.jsonl",
        "good/journal.jsonl",
        "rolled back",
        "passed",
        "check app-health",
        "B - A",
    ]);
    let json = place.run("report --compare bad good --format json").exits(0).json();
    assert_eq!((&json["a"]["exit"], &json["b"]["exit"]), (&4.into(), &0.into()));
    assert_eq!(json["environments"][0]["a"]["verdict"], "rolled_back");
    assert!(!place.path("reports").exists(), "a comparison writes nothing");
}

#[test]
fn names_of_cases_are_the_same_in_two_runs_with_other_images_and_instances() {
    let place = Place::empty();
    place.write("manifest.json", &manifest(&format!("eu-west-2:{OTHER}")));
    place.run("rehearse --when now --report-dir one").exits(0);
    place.run("rehearse --when now --seed 77 --from-packer manifest.json --report-dir two").exits(0);
    let (one, two) = (cases(&place, "one"), cases(&place, "two"));
    assert!(one.len() > 100, "{}", one.len());
    assert_eq!(one, two);
    let ids = |dir: &str, what: &str| -> BTreeSet<String> {
        let text = place.read(&format!("{dir}/journal.jsonl"));
        let id = regex::Regex::new(what).unwrap();
        id.find_iter(&text).map(|found| found.as_str().to_owned()).collect()
    };
    for what in ["\"i-[0-9a-f]{8,}\"", "ami-[0-9a-f]{17}"] {
        let (first, second) = (ids("one", what), ids("two", what));
        assert!(first.len() > 1 && first != second, "{what}: the runs were of other things");
    }
    let text = place.read("two/junit-qa.xml");
    assert!(text.contains(OTHER), "the image is in the evidence");
    let id = regex::Regex::new("(ami|i|lt)-[0-9a-f]{8}|20[0-9]{2}").unwrap();
    for (class, name) in &one {
        assert!(!id.is_match(class) && !id.is_match(name), "{class} {name}");
    }
}

#[test]
fn of_journals_that_were_joined_only_the_last_run_is_cut_off() {
    let place = Place::empty();
    place.run("rehearse --env sandbox --when now --report-dir one").exits(0);
    place.run("rehearse --env sandbox --when now --at 2026-11-24T10:00 --report-dir two").exits(0);
    let (one, two) = (place.read("one/journal.jsonl"), place.read("two/journal.jsonl"));
    place.write("both/journal.jsonl", &(one + &two[..two.len() - 30]));
    let ran = place.run("report both --report-dir out").exits(0);
    assert_eq!(ran.out.matches("not finished: the journal is cut off").count(), 1, "{}", ran.out);
    assert_eq!(ran.out.matches("done (exit 0)").count(), 1, "{}", ran.out);
    // The same file under two names is one.
    place
        .run("report both/journal.jsonl ./both/journal.jsonl --report-dir out")
        .exits(0)
        .says(&["2 runs, in"]);
}

#[test]
fn of_many_damaged_lines_a_few_are_told_and_the_number_of_the_others() {
    let place = Place::empty();
    place.write("bad/journal.jsonl", &"no event\n".repeat(30));
    let ran = place.run("report bad").exits(2);
    let ran =
        ran.says(&["bad/journal.jsonl:5 is not an event", "bad/journal.jsonl: 25 more lines are not events"]);
    assert!(!ran.err.contains("journal.jsonl:6"), "{}", ran.err);
}

#[test]
fn journals_are_looked_for_eight_directories_deep_and_links_are_not_followed() {
    let place = Place::empty();
    place.run("rehearse --env sandbox --when now --report-dir a/2/3/4/5/6/7/8/9").exits(0);
    place.run("report a --report-dir out").exits(0).says(&["1 run, in order of time"]);
    fs::create_dir(place.path("b")).unwrap();
    fs::rename(place.path("a"), place.path("b/1")).unwrap();
    place.run("report b --report-dir out").exits(2).says(&["there is no journal in b"]);
    std::os::unix::fs::symlink("../b/1", place.path("b/link")).unwrap();
    place.run("report b --report-dir out").exits(2).says(&["there is no journal in b"]);
}
