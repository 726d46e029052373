//! Describing and changing, call by call.

use super::support::{Bench, GROUP, fleet};
use crate::sim::{GroupSpec, Scenario};

#[tokio::test(start_paused = true)]
async fn groups_come_by_tag_and_page() {
    let mut spec = fleet(1, |_| {});
    for at in 0..7 {
        let mut group =
            GroupSpec::new("000000000000".into(), "eu-west-2".into(), &format!("g{at}"), GROUP, 1);
        let environment = if at % 2 == 0 { "qa" } else { "prod" };
        group.tags.insert("Environment".to_owned(), environment.to_owned());
        spec.groups.push(group);
    }
    let bench = Bench::new(spec, Scenario::clean());
    let filter = aws_sdk_autoscaling::types::Filter::builder().name("tag:Environment").values("qa").build();
    let pages = bench.scaling.describe_auto_scaling_groups().filters(filter).max_records(2).into_paginator();
    let groups: Vec<_> = pages.items().send().collect::<Result<_, _>>().await.expect("groups");
    let names: Vec<_> = groups.iter().filter_map(|group| group.auto_scaling_group_name()).collect();
    assert_eq!(names, ["g0", "g2", "g4", "g6", GROUP]);
    assert_eq!(bench.simulator.calls().len(), 3);
    assert_eq!(groups[0].instances().len(), 1);
}
