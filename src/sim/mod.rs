//! The simulator: AWS's wire and the applications on the instances, for rehearsals and tests.
//!
//! [`Simulator`] answers the real SDK in process ([`Simulator::http_client`]) or on loopback
//! ([`serve`]), and probes through [`Applications`]. What exists is in [`World`], what goes
//! wrong in [`Scenario`], what there is at first in [`FleetSpec`]. It never opens a connection
//! to anywhere, and never looks at the system's clock.

mod apps;
mod connector;
mod faults;
mod fleet;
mod limits;
mod scenario;
mod server;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::watch;

pub use apps::Applications;
pub use faults::{Call, Fault, FaultKind};
pub use fleet::{
    AlarmSpec, AlarmState, AppKind, AppSpec, BuildEnd, FleetSpec, GroupSpec, HookResult, HookSpec, ImageSpec,
    OutputSpec, OverrideSpec, ParameterSpec, PastBuild, PipelineSpec, PolicySpec, PoolState, ProgramSpec,
    RoleSpec, TemplateSpec, Transition, VersionSpec, WarmPoolSpec,
};
pub use scenario::{
    AgentTrouble, AlarmChange, AnswerChange, BootChange, CallTrouble, CallTroubleKind, ConfigurationChange,
    Count, Death, DeletingChange, Effect, EffectKind, ForeignRefresh, ForeignStart, HooksChange,
    ImageBuildTrouble, Images, LaunchTrouble, MaintenanceChange, ParameterChange, PolicyChange, PolicyKind,
    ProgramChange, RateLimit, RateLimits, RollbackTrouble, Scaling, Scenario, StaleReads, Stuck,
    SuspendedChange, TrackingChange, Unhealthy, WarmPoolChange,
};
pub use server::serve;
pub use wire::{HOME_KEY, HOME_SECRET, Service};
pub use world::{
    Activity, ActivityStatus, Alarm, Build, Configuration, Data, Ending, Group, GroupKey, Image, ImageFrom,
    Instance, Life, Override, Pipeline, Place, Policy, Preferences, Refresh, RemoteCommand, RemoteRun,
    Reserved, RollbackDetails, Session, Settings, Step, Strategy, Template, TemplateRef, TemplateVersion,
    Wait, World,
};

use crate::clock::Clock;
use faults::Faults;
use limits::Buckets;
use wire::{Question, Reply, Request};

/// What a simulator starts with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What exists.
    pub fleet: FleetSpec,
    /// What goes wrong.
    pub scenario: Scenario,
    /// Where everything random comes from.
    pub seed: u64,
    /// The block of 127.0.0.0/8 that instances have their addresses in; `None` for 10.0.0.0/8.
    /// The simulator's port, say: simulators of different blocks can serve side by side.
    pub loopback_block: Option<u16>,
}

impl Setup {
    /// A fleet in a scenario, with addresses in 10.0.0.0/8.
    pub fn new(fleet: FleetSpec, scenario: Scenario, seed: u64) -> Self {
        Self { fleet, scenario, seed, loopback_block: None }
    }
}

/// A simulated AWS; copies of one share a world.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    /// How many crashes have struck.
    crashes: watch::Sender<u64>,
}

struct State {
    world: World,
    calls: Vec<Call>,
    faults: Faults,
    /// What is left of the scenario's rate limits.
    buckets: Buckets,
    /// How many crashes somebody was told of.
    crashes_told: u64,
}

/// What becomes of a request.
#[derive(Debug)]
enum Outcome {
    /// It is answered.
    Answered(Reply),
    /// The connection breaks.
    Broken,
    /// Nothing ever happens.
    Silence,
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("clock", &self.shared.clock).finish_non_exhaustive()
    }
}

impl Simulator {
    /// A simulator whose world begins now on that clock.
    pub fn new(setup: Setup, clock: Clock) -> Self {
        let Setup { fleet, scenario, seed, loopback_block } = setup;
        let world = World::new(&fleet, scenario, seed, loopback_block, clock.now());
        let state = State {
            world,
            calls: Vec::new(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            crashes_told: 0,
        };
        let crashes = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { clock, state: Mutex::new(state), crashes }) }
    }

    /// An HTTP client for the SDK that calls this simulator, in process.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::client(self.clone())
    }

    /// The applications on the instances.
    pub fn applications(&self) -> Applications {
        Applications::new(self.clone())
    }

    /// The clock that it runs on.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Looks at the world as it is now. The simulator waits meanwhile: `look` must not call it.
    pub fn inspect<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.lock().world)
    }

    /// Changes the world as it is now: somebody else's hand. `change` must not call the simulator.
    pub fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state.world);
        state.world.settle_all();
        result
    }

    /// Every AWS call so far, in order; those with no or expired credentials are not among them.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Lets a fault strike one of the calls to come.
    pub fn inject(&self, fault: Fault) {
        let mut state = self.lock();
        let made = state.calls.len() as u64;
        state.faults.add(fault, made);
    }

    /// Resolves when a crash has struck that nobody was told of yet.
    pub async fn crashed(&self) {
        let mut crashes = self.shared.crashes.subscribe();
        loop {
            {
                let struck = *crashes.borrow_and_update();
                let mut state = self.lock();
                if struck > state.crashes_told {
                    state.crashes_told = struck;
                    return;
                }
            }
            // The sender lives as long as this simulator.
            if crashes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The state, with the world advanced to now.
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere (a failed assertion of a test) doesn't spoil the world.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.shared.clock.now();
        state.world.advance(now);
        state
    }

    /// Answers a request, or lets it go wrong as it should.
    fn call(&self, request: &Request) -> Outcome {
        let mut state = self.lock();
        let state = &mut *state;
        let question = Question::read(request);
        let asker = match wire::identify(&state.world, request.header("authorization")) {
            Ok(asker) => asker,
            Err((service, error)) => {
                return Outcome::Answered(wire::refuse(&mut state.world, service, &question, &error));
            }
        };
        let number = state.calls.len() as u64 + 1;
        let resource = question.resource();
        let names = names(&state.world, &asker, resource.as_deref());
        let World { scenario, dice, now, .. } = &mut state.world;
        let by_dice = faults::by_scenario(scenario, dice, &question.action, &names);
        let over = state.buckets.over(scenario, &asker, &question.action, &names, *now);
        let over = over.then_some(FaultKind::OverLimit);
        let fault = state.faults.take(number).or(over).or(by_dice);
        state.calls.push(Call {
            number,
            service: asker.service,
            action: question.action.clone(),
            account: asker.account.clone(),
            region: asker.region.clone(),
            at: state.world.now,
            resource,
            fault,
        });
        let is_stale = is_stale(&mut state.world, &names);
        self.strike(&mut state.world, &asker, &question, is_stale, fault)
    }

    fn strike(
        &self,
        world: &mut World,
        asker: &wire::Asker,
        question: &Question,
        stale: bool,
        fault: Option<FaultKind>,
    ) -> Outcome {
        let service = asker.service;
        let answer = |world: &mut World| wire::answer(world, asker, question, stale);
        let refuse =
            |world: &mut World, error| Outcome::Answered(wire::refuse(world, service, question, &error));
        match fault {
            None => Outcome::Answered(answer(world)),
            Some(FaultKind::Throttle | FaultKind::OverLimit) => refuse(world, wire::throttled(service)),
            Some(FaultKind::Contention) => refuse(world, wire::contention()),
            Some(FaultKind::Expired) => refuse(world, wire::expired(service)),
            Some(FaultKind::ServerError) => {
                let unavailable = world.dice.chance(50);
                refuse(world, wire::server_trouble(service, unavailable))
            }
            Some(FaultKind::LoseAnswer) => {
                answer(world);
                Outcome::Broken
            }
            Some(FaultKind::CrashBefore) => self.crash(),
            Some(FaultKind::CrashAfter) => {
                answer(world);
                self.crash()
            }
        }
    }

    fn crash(&self) -> Outcome {
        self.shared.crashes.send_modify(|count| *count += 1);
        Outcome::Silence
    }
}

/// What a call is about, by the names that a scenario's scope knows: a template has a name too.
fn names(world: &World, asker: &wire::Asker, resource: Option<&str>) -> Vec<String> {
    let place = Place { account: asker.account.clone(), region: asker.region.clone() };
    let template = resource.and_then(|id| world.template(&place, &id.into()));
    let template = template.map(|template| template.name.clone());
    let pipeline = resource.filter(|arn| arn.starts_with("arn:")).and_then(|arn| {
        let built = || world.build(arn).map(|(pipeline, _)| pipeline);
        world.pipelines.get(arn).or_else(built).map(|pipeline| pipeline.spec.name.clone())
    });
    resource.map(str::to_owned).into_iter().chain(template).chain(pipeline).collect()
}

/// Whether the scenario's dice make a read stale.
fn is_stale(world: &mut World, names: &[String]) -> bool {
    let stale = world.scenario.stale_reads().filter(|(_, groups)| faults::in_scope(groups, names));
    let share = stale.map(|(stale, _)| stale.share);
    share.is_some_and(|share| world.dice.chance(share))
}
