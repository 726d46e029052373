use std::fmt::Write as _;
use std::fs;

use super::*;

fn first(text: &str) -> String {
    mistakes(text).into_iter().next().unwrap_or_default()
}

#[test]
fn a_file_that_is_absent_or_a_directory_is_an_error_without_a_place() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("none.yaml"), directory.path().to_owned()] {
        let errors = Fleet::read(&path).unwrap_err();
        assert_eq!((errors.mistakes.len(), errors.mistakes[0].line), (1, None));
        let text = errors.to_string();
        assert!(text.starts_with(&format!("error: failed to read {}: ", path.display())), "{text}");
        assert!(text.ends_with(&format!("\n1 mistake in {}", path.display())), "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_placed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet.yaml");
    fs::write(&path, b"version: 1\nfamil\xffies: {}\n").unwrap();
    let errors = Fleet::read(&path).unwrap_err();
    assert_eq!((errors.mistakes[0].line, errors.mistakes[0].column), (Some(2), Some(6)));
    assert_eq!(errors.mistakes[0].message, "the file is not UTF-8: byte 0xff");
    fs::write(&path, b"version: 1\n\xfe").unwrap();
    let errors = Fleet::read(&path).unwrap_err();
    assert_eq!((errors.mistakes[0].line, errors.mistakes[0].column), (Some(2), Some(1)));
}

#[test]
fn a_right_file_is_read_with_or_without_a_byte_order_mark() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fleet.yaml");
    fs::write(&path, format!("\u{feff}{SMALL}")).unwrap();
    let fleet = Fleet::read(&path).unwrap();
    assert_eq!(fleet.file, path);
    fs::write(&path, SMALL.replace('\n', "\r\n")).unwrap();
    Fleet::read(&path).unwrap();
}

#[test]
fn an_empty_file_is_an_error() {
    for text in ["", "\n\n", "# nothing but words\n", "---\n"] {
        assert_eq!(
            mistakes(text),
            ["1:1 the configuration is empty (docs/configuration.md has an example)"],
            "{text:?}"
        );
    }
}

#[test]
fn a_document_that_is_no_mapping_is_an_error() {
    assert_eq!(
        first("- a\n- b\n"),
        "1:3 `the configuration` must be a mapping of keys to values (this is a list)"
    );
    assert!(first("hello").contains("this is the text `hello`"));
}

#[test]
fn several_documents_are_an_error_at_the_second() {
    let text = format!("{SMALL}---\n{SMALL}");
    let line = SMALL.lines().count() + 1;
    let expected =
        format!("{line}:1 there is a second document in the file (a configuration is one document)");
    assert_eq!(mistakes(&text), [expected]);
}

#[test]
fn a_syntax_error_has_its_place() {
    let broken = first(&small_with("owners: [self]", "owners: [self"));
    assert!(broken.starts_with("4:"), "{broken}");
    let tab = first(&small_with("  regions:", "\tregions:"));
    assert!(tab.starts_with("6:1 ") && tab.contains("never by tabs"), "{tab}");
    let quote = first(&small_with("Environment: dev", "Environment: \"dev"));
    assert!(!quote.is_empty() && !quote.contains("at line 10 column 37 at"), "{quote}");
}

#[test]
fn a_key_that_is_there_twice_is_reported_with_everything_else() {
    let text =
        small_with("version: 1\n", "version: 1\nversion: 1\n").replace("  - name: dev", "  - nam: dev");
    assert_eq!(
        mistakes(&text),
        [
            "2:1 the key `version` is there twice (the first is in line 1)",
            "9:5 unknown key `nam` (did you mean `name`?)",
        ]
    );
}

#[test]
fn anchors_aliases_merge_keys_and_tags_are_errors_at_their_place() {
    let text = small_with("regions: [eu-west-2]", "regions: &here [eu-west-2]")
        .replace("  - name: prod", "  - <<: *more\n    regions: *here\n    name: !!str prod")
        .replace("families:\n", "families: &more\n");
    let found = mistakes(&text);
    for expected in [
        "anchors are not read here",
        "aliases are not read here",
        "tags are not read here",
        "merge keys are not read here",
    ] {
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{expected}: {found:#?}");
    }
    assert!(found.iter().any(|mistake| mistake.starts_with("11:5 merge keys")), "{found:#?}");
}

#[test]
fn an_alias_bomb_ends_in_an_error() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    assert!(!mistakes(&text).is_empty());
}

#[test]
fn deep_nesting_ends_in_an_error() {
    for text in ["[".repeat(2_000), "{a: ".repeat(2_000), "- ".repeat(2_000), "a: ".repeat(2_000)] {
        assert!(!mistakes(&text).is_empty());
    }
}

#[test]
fn keys_that_are_not_text_are_errors() {
    let found = mistakes(&small_with("Environment: dev", "5: dev"));
    assert_eq!(found, ["10:23 a key must be text, and this is the number `5` (put it in quotes)"]);
}

#[test]
fn a_mistake_is_serialized_with_line_column_message_and_hint() {
    let errors = parse(&small_with("version: 1", "version: 2")).unwrap_err();
    let json = serde_json::to_value(&errors).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "file": "fleet.yaml",
            "mistakes": [{
                "line": 1, "column": 10,
                "message": "`version` must be 1, the only version there is",
                "hint": "this is the number `2`",
            }],
        })
    );
}

#[test]
fn nothing_in_the_file_reaches_the_terminal_as_a_control_character() {
    let errors = parse("version: \"\\e[31m\"\nenvironments: \u{9b}31m\n").unwrap_err().to_string();
    assert!(!errors.chars().any(|c| c.is_control() && c != '\n'), "{errors:?}");
}

#[test]
fn columns_count_characters_whatever_the_line_ends_with() {
    let text = small_with("owners: [self]", "owners: [self], é: 1").replace("dept-base-*", "büro-é-*");
    assert_eq!(mistakes(&text), ["4:51 unknown key `é` (known here: `name` and `owners`)"]);
    assert_eq!(mistakes(&text.replace('\n', "\r\n")), mistakes(&text));
    assert_eq!(mistakes(&text.replace('\n', "\r")), mistakes(&text));
}

#[test]
fn a_caret_after_tabs_stays_under_its_place() {
    let text = small_with("version: 1", "version:\t\t\"1\"");
    let shown = parse(&text).unwrap_err().to_string();
    assert!(shown.contains("1 | version:\t\t\"1\"\n  |         \t\t^^^ this is the text `1`\n"), "{shown}");
}
