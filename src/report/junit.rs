//! JUnit: a file per environment, a suite per group, a case per step and per check.
//!
//! [`write()`] makes the XML of one environment. Names are stable from build to build; every
//! text is cleaned here, so that the XML is valid whatever the events hold. Nothing here
//! knows of files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use junit_report::{Duration, OffsetDateTime, Report, TestCase, TestResult, TestSuite, TestSuiteBuilder};

use super::attachments::{self, Attachments, OfCheck};
use super::cases::{self, Case};
use super::clean;
use super::collect::{Run, display_name, name_counts};
use super::evidence;
use super::record::{EnvironmentRecord, GroupRecord};
use super::style::count;
use crate::event::{GroupRef, Status};
use crate::model::EnvironmentName;

/// The longest time that a case may claim: sums of more would overflow the crate's.
const LONGEST_MS: u64 = 10 * 366 * 24 * 3600 * 1000;

/// The name of an environment's file: `junit-qa.xml`; that of a single step `junit-qa.smoke.xml`,
/// so that the steps of one environment can share a report directory.
pub(super) fn file_name(command: &str, environment: &EnvironmentName) -> String {
    let environment = clean::file_name(environment.as_str());
    match cases::single_step(command) {
        Some(step) => format!("junit-{environment}.{}.xml", clean::file_name(step)),
        None => format!("junit-{environment}.xml"),
    }
}

/// The most bytes that the texts of one file may have together; more cases get less each.
const TEXTS: usize = 32 * 1024 * 1024;
/// What a text may have however many there are, in bytes.
const LEAST_TEXT: usize = 512;
/// The most characters of all messages together, and what each may have whatever their number.
const MESSAGES: usize = 8 * 1024 * 1024;
const LEAST_MESSAGE: usize = 100;

/// How long texts may be in a file with so many of them.
#[derive(Debug, Clone, Copy)]
struct Limits {
    text: usize,
    message: usize,
}

impl Limits {
    fn of(texts: usize) -> Self {
        let share = |all: usize| all / texts.max(1);
        Self {
            text: share(TEXTS).clamp(LEAST_TEXT, clean::TEXT),
            message: share(MESSAGES).clamp(LEAST_MESSAGE, clean::LINE),
        }
    }
}

/// Writes the XML of an environment. `report_dir` is where its attachments are, as it was named.
///
/// # Errors
/// What the XML writer says.
pub(super) fn write(
    run: &Run,
    environment: &EnvironmentRecord,
    simulated: bool,
    attachments: &Attachments,
    report_dir: &Path,
    out: &mut dyn Write,
) -> Result<(), junit_report::Error> {
    let mark = evidence::simulation_mark(run, simulated);
    let (mut green, mut texts) = (true, environment.groups.len() + 1);
    // Made twice, for all cases at once would hold all evidence a second time.
    for group in &environment.groups {
        let cases = cases::of_group(run, environment, group);
        green &= !cases.iter().any(Case::failed);
        texts += cases.len();
    }
    let own = cases::of_environment(run, environment, green);
    let limits = Limits::of(own.len() + texts);
    let maker = Maker { run, environment, mark, limits, attachments, report_dir };
    let mut report = Report::new();
    report.add_testsuite(maker.environment(&own));
    let counts = name_counts(environment);
    for group in &environment.groups {
        report.add_testsuite(maker.group(group, &counts, cases::of_group(run, environment, group)));
    }
    report.write_xml(out)
}

/// Makes suites and cases of one file.
struct Maker<'a> {
    run: &'a Run,
    environment: &'a EnvironmentRecord,
    /// The mark of a rehearsal.
    mark: Option<String>,
    limits: Limits,
    attachments: &'a Attachments,
    report_dir: &'a Path,
}

impl Maker<'_> {
    fn environment(&self, cases: &[Case]) -> TestSuite {
        let name = clean::line(self.environment.name.as_str());
        let lines = evidence::of_environment(self.run, self.environment);
        let cases = cases.iter().map(|case| self.case(&name, case, None)).collect();
        self.suite(&name, cases, lines, started(self.run, self.environment.started))
    }

    fn group(&self, group: &GroupRecord, counts: &BTreeMap<&str, usize>, cases: Vec<Case>) -> TestSuite {
        let name = clean::line(&format!("{}.{}", self.environment.name, display_name(group, counts)));
        let lines = evidence::of_group(self.environment, group);
        let at = &group.group;
        // One after the other, so that what is not needed any more is gone.
        let cases = cases.into_iter().map(|case| self.case(&name, &case, Some(at))).collect();
        self.suite(&name, cases, lines, started(self.run, group.started.or(self.environment.started)))
    }

    fn suite(
        &self,
        name: &str,
        cases: Vec<TestCase>,
        lines: Vec<String>,
        started: OffsetDateTime,
    ) -> TestSuite {
        let lines: Vec<String> = self.mark.iter().cloned().chain(lines).collect();
        let mut suite = TestSuiteBuilder::new(name)
            .set_timestamp(started)
            .set_system_out(&clean::text_within(&lines.join("\n"), self.limits.text))
            .build();
        suite.testcases = cases;
        // Jenkins puts the package in front of the suite's name.
        suite.package = String::new();
        suite
    }

    /// What failed carries its evidence as the trace, the rest as its output: readers show those.
    fn case(&self, class: &str, case: &Case, group: Option<&GroupRef>) -> TestCase {
        let check = group.zip(case.name.strip_prefix("check ").filter(|_| case.kind == "check"));
        let attached =
            check.map_or_else(OfCheck::default, |(group, check)| self.attachments.of_check(group, check));
        let name = clean::line(&case.name);
        let time = Duration::milliseconds(i64::try_from(case.took_ms.min(LONGEST_MS)).unwrap_or_default());
        let type_ = case.kind.to_owned();
        let message = clean::line_within(&case.message, self.limits.message);
        let whole =
            attached_lines(&attached).chain(case.lines.iter().cloned()).collect::<Vec<_>>().join("\n");
        let lines = clean::text_within(&whole, self.limits.text);
        let full = clean::text_within(&format!("{message}\n{lines}"), self.limits.text);
        let mut made = TestCase::success(&name, time);
        made.set_classname(class);
        match case.status {
            Status::Passed => made.set_system_out(&full),
            Status::Skipped => {
                let lines = Some(lines).filter(|lines| !lines.is_empty());
                made.result = TestResult::SkippedWithCause { type_, message, cause: lines };
            }
            Status::Failed => made.result = TestResult::Failure { type_, message, cause: Some(full) },
            Status::Errored => made.result = TestResult::Error { type_, message, cause: Some(full) },
        }
        let marks: Vec<String> =
            attached.files.iter().filter_map(|(_, path)| attachments::mark(self.report_dir, path)).collect();
        if !marks.is_empty() {
            made.set_system_out(&marks.join("\n"));
        }
        made
    }
}

/// Where long answers are, for whoever reads the evidence.
fn attached_lines(attached: &OfCheck) -> impl Iterator<Item = String> {
    let whole = |(subject, path): &(String, PathBuf)| format!("{subject} in full: {}", path.display());
    let more = (attached.left_out > 0)
        .then(|| format!("{} in full: in the journal only", count(attached.left_out, "more answer")));
    attached.files.iter().map(whole).chain(more).collect::<Vec<_>>().into_iter()
}

/// A time that the XML writer can write: the years 1970 to 9999.
fn started(run: &Run, at: Option<Timestamp>) -> OffsetDateTime {
    let seconds = at.or(run.started).unwrap_or_default().as_second().max(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
