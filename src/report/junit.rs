//! JUnit: a file per environment, a suite per group, a case per step and per check.
//!
//! [`write()`] makes the XML of one environment. Names are stable from build to build; every
//! text is cleaned here, so that the XML is valid whatever the events hold. Nothing here
//! touches the disk.

use jiff::Timestamp;
use junit_report::{Duration, OffsetDateTime, Report, TestCase, TestResult, TestSuite, TestSuiteBuilder};

use super::cases::{self, Case};
use super::clean;
use super::collect::{Run, display_name, name_counts};
use super::evidence;
use super::record::EnvironmentRecord;
use crate::event::Status;
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

/// The XML of an environment.
///
/// # Errors
/// What the XML writer says; it writes to memory.
pub(super) fn write(
    run: &Run,
    environment: &EnvironmentRecord,
    simulated: bool,
) -> Result<Vec<u8>, junit_report::Error> {
    let mut report = Report::new();
    let mark = evidence::simulation_mark(run, simulated);
    let groups = group_suites(run, environment, mark.as_deref());
    let green = groups.iter().all(|suite| suite.failures() + suite.errors() == 0);
    let name = clean::line(environment.name.as_str());
    let own = cases::of_environment(run, environment, green);
    let lines: Vec<String> = mark.into_iter().chain(evidence::of_environment(run, environment)).collect();
    report.add_testsuite(suite(&name, &own, &lines, started(run, environment.started)));
    report.add_testsuites(groups);
    let mut xml = Vec::new();
    report.write_xml(&mut xml)?;
    Ok(xml)
}

fn group_suites(run: &Run, environment: &EnvironmentRecord, mark: Option<&str>) -> Vec<TestSuite> {
    let counts = name_counts(environment);
    let one = |group| {
        let name = clean::line(&format!("{}.{}", environment.name, display_name(group, &counts)));
        let cases = cases::of_group(run, environment, group);
        let mark = mark.map(ToOwned::to_owned);
        let lines: Vec<String> = mark.into_iter().chain(evidence::of_group(environment, group)).collect();
        suite(&name, &cases, &lines, started(run, group.started.or(environment.started)))
    };
    environment.groups.iter().map(one).collect()
}

fn suite(name: &str, cases: &[Case], lines: &[String], started: OffsetDateTime) -> TestSuite {
    let mut suite = TestSuiteBuilder::new(name)
        .set_timestamp(started)
        .set_system_out(&clean::text(&lines.join("\n")))
        .add_testcases(cases.iter().map(|case| test_case(name, case)))
        .build();
    // Jenkins puts the package in front of the suite's name.
    suite.package = String::new();
    suite
}

/// What failed carries its evidence as the trace, the rest as its output: readers show those.
fn test_case(class: &str, case: &Case) -> TestCase {
    let name = clean::line(&case.name);
    let time = Duration::milliseconds(i64::try_from(case.took_ms.min(LONGEST_MS)).unwrap_or_default());
    let type_ = case.kind.to_owned();
    let message = clean::line(&case.message);
    let lines = clean::text(&case.lines.join("\n"));
    let full = clean::text(&format!("{message}\n{lines}"));
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
    made
}

/// A time that the XML writer can write: the years 1970 to 9999.
fn started(run: &Run, at: Option<Timestamp>) -> OffsetDateTime {
    let seconds = at.or(run.started).unwrap_or_default().as_second().max(0);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
