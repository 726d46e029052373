//! Announcements: one message to one audience; and which audiences there are.

use super::play::london;
use super::set::{SPEED, Set, slack};
use crate::clock::Clock;
use crate::config::{Notify, SecretSource, Slack, SlackWay, TeamChannel, Teams};
use crate::notify::slack::channel::{channels, resolve_audience};
use crate::notify::slack::message::{Color, Line, Message};
use crate::notify::slack::sinks;
use crate::notify::slack::speaker::Speaker;
use crate::notify::slack::stand_in::{StandIn, answer};
use crate::notify::{Outlet, Post, Secrets};

#[tokio::test]
async fn an_announcement_goes_to_the_team_or_to_everybody() {
    let server = slack().await;
    let set = Set::bot(&server).team("payments", TeamChannel::Named("payments-alerts".into()));
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), SPEED);
    let speaker = Speaker::new(Post::new(clock, Outlet::Network), clock, Secrets::of(&Outlet::Network));
    let message = Message {
        above: None,
        title: Line::say("ASG Refresh ahead"),
        color: Color::Progress,
        lines: vec![Line::say("• ").code("payments-qa").and(" ").text("Mon 23 Nov 15:00")],
    };
    for team in [Some("payments"), Some("nobody"), None] {
        let channel = resolve_audience(&set.notify, team).unwrap();
        speaker.announce(&channel, "announcement", &message).await.unwrap();
    }
    let channels: Vec<String> = server.came().iter().map(|came| came.text("channel").to_owned()).collect();
    assert_eq!(channels, ["#payments-alerts", "#ami-refresh", "#ami-refresh"]);
    assert_eq!(resolve_audience(&Notify::default(), None), None);
}

#[tokio::test]
async fn an_announcement_that_fails_says_why() {
    let server =
        StandIn::start(|_, _| answer("200 OK", "", r#"{"ok":false,"error":"not_in_channel"}"#)).await;
    let set = Set::bot(&server);
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), SPEED);
    let speaker = Speaker::new(Post::new(clock, Outlet::Network), clock, Secrets::of(&Outlet::Network));
    let message = Message { above: None, title: Line::say("t"), color: Color::Good, lines: vec![] };
    let channel = resolve_audience(&set.notify, None).unwrap();
    let problem = speaker.announce(&channel, "announcement", &message).await.unwrap_err();
    assert!(problem.next.starts_with("invite the bot"), "{problem}");
}

#[test]
fn each_channel_is_one_sink_and_a_missing_secret_is_told() {
    let env = |name: &str| SecretSource::Env(name.into());
    let slack = |way| Some(Slack { channel: "main".into(), way, api: "https://slack.com/api/".into() });
    let teams = |channels: &[(&str, TeamChannel)]| Teams {
        tag: "Team".into(),
        channels: channels.iter().map(|(team, channel)| ((*team).to_owned(), channel.clone())).collect(),
    };
    let named = |name: &str| TeamChannel::Named(name.into());
    let bot = Notify {
        slack: slack(SlackWay::Token(env("NO_SUCH_TOKEN_HERE"))),
        teams: teams(&[("a", named("x")), ("b", named("x")), ("c", named("main"))]),
        ..Notify::default()
    };
    let clock = Clock::starting_at("2026-11-22T19:00:00Z".parse().unwrap(), 1.0);
    let outlet = Outlet::Network;
    let sinks_of = |notify: &Notify| -> Vec<String> {
        channels(notify).into_iter().map(|(channel, _)| channel.sink).collect()
    };
    assert_eq!(sinks_of(&bot), ["slack #main", "slack #x"]);
    let webhook = Notify {
        slack: slack(SlackWay::Webhook(env("MAIN"))),
        teams: teams(&[
            ("a", TeamChannel::Webhook(env("A"))),
            ("b", named("x")),
            ("c", TeamChannel::Webhook(env("MAIN"))),
        ]),
        ..Notify::default()
    };
    assert_eq!(sinks_of(&webhook), ["slack #main", "slack team a"]);
    let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
    rt.block_on(async {
        let speaker = Speaker::new(Post::new(clock, outlet.clone()), clock, Secrets::of(&outlet));
        let missing = sinks(&bot, &london(), &speaker).remove(0).1.err().unwrap();
        assert!(missing.to_string().contains("NO_SUCH_TOKEN_HERE"), "{missing}");
        assert!(missing.what.contains("notify.slack.token"), "{missing}");
    });
}
