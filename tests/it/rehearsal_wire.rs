//! What went over the wire, and what must hold of it in every rollout.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use ami_refresh::aws::{Cloud, Settings};
use ami_refresh::model::{RefreshStatus, Tracking};
use ami_refresh::sim::{Data, HOME_KEY, HOME_SECRET, World};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::stage::Stage;
use crate::truth::Stands;

/// A request as it was sent: its parameters, `Action` among them.
pub(crate) type Sent = BTreeMap<String, String>;

/// Every request of a stage, retries included.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    sent: Arc<Mutex<Vec<Sent>>>,
    /// Each group's template, and the version that it had at first.
    sources: BTreeMap<String, (String, u64)>,
}

#[derive(Debug)]
struct Tap {
    to: SharedHttpConnector,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl HttpConnector for Tap {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let sent = form_urlencoded::parse(body).into_owned().collect();
        self.sent.lock().unwrap().push(sent);
        self.to.call(request)
    }
}

impl Wire {
    /// Lets everything that the stage sends from now on pass by here.
    pub(crate) async fn tap(stage: &mut Stage) -> Self {
        let wire = Self { sent: Arc::default(), sources: stage.simulator.inspect(sources) };
        let (client, tapped) = (stage.simulator.http_client(), Arc::clone(&wire.sent));
        let client = http_client_fn(move |settings, components| {
            let to = client.http_connector(settings, components);
            SharedHttpConnector::new(Tap { to, sent: Arc::clone(&tapped) })
        });
        stage.cloud = Cloud::new(Settings {
            clock: stage.clock,
            http_client: Some(client),
            credentials: Some((HOME_KEY.to_owned(), HOME_SECRET.to_owned())),
            session_name: "test".into(),
        })
        .await;
        wire
    }

    /// How many requests were sent.
    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// The requests of that action, with their places in the order of all.
    pub(crate) fn of(&self, action: &str) -> Vec<(usize, Sent)> {
        let sent = self.sent.lock().unwrap();
        let of = sent.iter().enumerate().filter(|(_, sent)| sent.get("Action").is_some_and(|a| a == action));
        of.map(|(at, sent)| (at, sent.clone())).collect()
    }

    /// Whether every rule about the order of writes was kept; `first` is the world before.
    pub(crate) fn check(&self, first: &BTreeMap<String, Stands>) -> Result<(), String> {
        let mut broken = String::new();
        let updates = self.of("UpdateAutoScalingGroup");
        for (at, update) in &updates {
            let name = &update["AutoScalingGroupName"];
            let version = own_version(update);
            let is_policy = !update.contains_key("LaunchTemplate.Version");
            // Where types are chosen by attributes AWS takes no other way; and what a policy names
            // is written again when its overrides follow their templates again.
            let chosen = update.keys().any(|key| key.contains("InstanceRequirements"));
            let starts = self.of("StartInstanceRefresh");
            let mut started = starts.iter().filter(|(_, start)| &start["AutoScalingGroupName"] == name);
            // So it is where a group is let go that was never begun.
            let lets_go =
                update.iter().any(|(key, value)| key.ends_with(".Version") && value.starts_with('$'));
            if chosen || (is_policy && lets_go) || (is_policy && started.any(|(start, _)| start < at)) {
                continue;
            }
            let (template, source) = &self.sources[name];
            // Rule 1: a group is never updated to a new version, and pinned to its own only.
            if !version.starts_with('$') && version != source.to_string() {
                writeln!(broken, "{name} was updated to version {version}, and had {source}").unwrap();
            }
            // Rule 2: pinned before the template has another version.
            let later = self.of("CreateLaunchTemplateVersion");
            let mut later = later.iter().filter(|(created, _)| created < at);
            if !version.starts_with('$') && later.any(|(_, c)| &c["LaunchTemplateId"] == template) {
                writeln!(broken, "{name} was pinned after a version of {template} was made").unwrap();
            }
        }
        for (name, stands) in first {
            let pins = updates.iter().filter(|(_, u)| &u["AutoScalingGroupName"] == name);
            let pins = pins.filter(|(_, u)| !own_version(u).starts_with('$')).count();
            let floats = stands.tracking.floats()
                || stands.overrides.iter().any(|(tracking, _)| tracking.is_some_and(Tracking::floats));
            let chosen = stands.rest.contains("InstanceRequirements");
            let touched =
                self.of("StartInstanceRefresh").iter().any(|(_, s)| &s["AutoScalingGroupName"] == name);
            if touched && !chosen && floats != (pins > 0) {
                writeln!(broken, "{name} follows {} and was pinned {pins} times", stands.tracking).unwrap();
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }
}

/// The version of its own template, or its policy's, that a group is told.
fn own_version(update: &Sent) -> &str {
    let of_policy = "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version";
    update.get("LaunchTemplate.Version").or_else(|| update.get(of_policy)).map_or("", String::as_str)
}

/// Each group's template, and the version that it resolves to now.
fn sources(world: &World) -> BTreeMap<String, (String, u64)> {
    let one = |group: &ami_refresh::sim::Group| {
        let number = world.template_of(group).map_or(0, |held| match group.template.tracking {
            Tracking::Pinned(number) => number,
            Tracking::Latest => *held.versions.keys().next_back().expect("a version"),
            Tracking::Default => held.default_version,
        });
        (group.key.name.to_string(), (group.template.id.to_string(), number))
    };
    world.groups.values().map(one).collect()
}

/// The statuses of a group's refreshes, oldest first.
pub(crate) fn refreshes(stage: &Stage, group: &str) -> Vec<RefreshStatus> {
    stage.simulator.inspect(|world| {
        let group = world.group(group).expect("the group");
        group.refreshes.iter().filter(|refresh| !refresh.foreign).map(|refresh| refresh.status).collect()
    })
}

/// The refreshes of ours that go to a version with the new image, by group: at most one each is right.
pub(crate) fn forward(stage: &Stage, group: &str) -> usize {
    stage.simulator.inspect(|world| {
        let group = world.group(group).expect("the group");
        let template = world.template_of(group).expect("a template");
        let to_new = group.refreshes.iter().filter(|refresh| {
            let Some(Tracking::Pinned(number)) = refresh.desired.as_ref().map(|d| d.template.tracking) else {
                return false;
            };
            template.versions[&number].image() == Some(crate::stage::NEW.into())
        });
        to_new.count()
    })
}

/// How many versions each template has, by name.
pub(crate) fn versions(stage: &Stage) -> BTreeMap<String, usize> {
    stage.simulator.inspect(|world| {
        world.templates.values().map(|template| (template.name.clone(), template.versions.len())).collect()
    })
}

/// Everything that a caller could have changed, as text.
pub(crate) fn snapshot(world: &World) -> String {
    let mut text = String::new();
    for ((place, id), template) in &world.templates {
        let data: Vec<&BTreeMap<String, Data>> =
            template.versions.values().map(|version| &version.data).collect();
        writeln!(text, "{place:?} {id} default {} {data:?}", template.default_version).unwrap();
    }
    for (key, group) in &world.groups {
        let instances: Vec<_> =
            group.instances.iter().map(|i| (&i.id, &i.image, i.life, i.version)).collect();
        let refreshes: Vec<_> =
            group.refreshes.iter().filter(|r| !r.foreign).map(|r| (&r.id, r.status)).collect();
        let capacity = (group.min, group.desired, group.max);
        writeln!(
            text,
            "{key:?} {:?} {:?} {capacity:?} {:?} {instances:?} {refreshes:?}",
            group.template, group.tags, group.suspended
        )
        .unwrap();
    }
    for (key, image) in &world.images {
        writeln!(text, "{key:?} {} {:?}", image.state, image.tags).unwrap();
    }
    text
}

/// The calls that may change something, faults or not.
pub(crate) fn changing_calls(stage: &Stage) -> Vec<String> {
    let calls = stage.simulator.calls();
    let changing = calls
        .iter()
        .filter(|call| !["Describe", "Get", "Assume"].iter().any(|prefix| call.action.starts_with(prefix)));
    changing.map(|call| format!("{} {}", call.action, call.resource.as_deref().unwrap_or_default())).collect()
}
