//! With everybody told at once, by every way there is, no secret gets out: not from what is
//! printed at its chattiest, not from a report, not from a server that answers with it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::place::{CONFIG, Place};
use super::simulator::Simulator;

/// A secret for each way, all to be found by one word.
const SECRETS: [(&str, &str); 6] = [
    ("SLACK_TOKEN", "xoxb-hush-bot-token"),
    ("HOOK_KEY", "hush-signing-key"),
    ("CHG_AUTH", "Bearer hush-ticket-password"),
    ("MAIN_HOOK", "/services/hush-main-hook"),
    ("TEAM_HOOK", "/services/hush-team-hook"),
    ("EVENTS", "/events/hush-events-path"),
];

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Takes it, in words that Slack and a ticket system could both have said.
    Takes,
    /// Fails, and answers with all that it was sent.
    Echoes,
}

/// A server on loopback; the heads of the requests that it got.
fn server(manner: Manner) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || while serve(&stream, manner, &kept).is_some() {});
        }
    });
    (root, heads)
}

fn serve(stream: &TcpStream, manner: Manner, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (status, said) = match manner {
        Manner::Takes if head.contains("/services/") => ("200 OK", "ok".to_owned()),
        Manner::Takes => ("200 OK", r#"{"ok":true,"channel":"C1","ts":"1.1","key":"CHG-1"}"#.to_owned()),
        Manner::Echoes => ("400 Bad Request", head.replace("\r\n", " ")),
    };
    kept.lock().unwrap().push(head);
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{said}", said.len());
    let mut stream = stream;
    stream.write_all(answer.as_bytes()).ok()
}

/// Every sink, Slack by a bot or by webhooks.
fn told_everywhere(place: &mut Place, root: &str, bot: bool) {
    let (slack, team) = if bot {
        (format!("token: {{ env: SLACK_TOKEN }}, api: '{root}/api'"), "payments-alerts".to_owned())
    } else {
        ("webhook: { env: MAIN_HOOK }".to_owned(), "{ webhook: { env: TEAM_HOOK } }".to_owned())
    };
    let mut config = CONFIG.replace(
        "    checks: [instances, app-health]",
        "    schedule: { day: mon, time: '15:00' }\n    checks: [instances, app-health]",
    );
    write!(
        config,
        "notify:
  deadline: 1m
  slack: {{ channel: ami-refresh, {slack} }}
  teams: {{ tag: Team, channels: {{ payments: {team} }} }}
  webhooks: [{{ url: {{ env: EVENTS }}, secret: {{ env: HOOK_KEY }} }}]
  tickets:
    environments: [sandbox]
    headers: {{ Authorization: {{ env: CHG_AUTH }} }}
    create: {{ url: '{root}/tickets', body: {{ text: '{{environment}}' }}, id: '$.key' }}
    comment: {{ url: '{root}/tickets/{{ticket}}/comments', body: {{ text: '{{text}}' }} }}
    close: {{ url: '{root}/tickets/{{ticket}}/close', body: {{ text: '{{verdict}}' }} }}
"
    )
    .expect("a text");
    place.write("environments.yaml", &config);
    for (name, secret) in SECRETS {
        let value = if secret.starts_with('/') { format!("{root}{secret}") } else { secret.to_owned() };
        place.set(name, &value);
    }
}

/// Runs the steps that tell somebody, each as chatty as can be.
fn nothing_gets_out(bot: bool, manner: Manner) -> Vec<String> {
    let (root, heads) = server(manner);
    let mut place = Place::new();
    told_everywhere(&mut place, &root, bot);
    let _simulator = Simulator::start(&mut place, 300, "");
    let steps = [
        "validate",
        "candidate --from-packer manifest.json",
        "announce",
        "rollout --env sandbox",
        "rollback --env sandbox",
        "rehearse --from-packer manifest.json",
    ];
    for step in steps {
        let ran = place.run(&format!("-vvv {step}"));
        // A message that was not delivered is an announcement's failure, and nobody else's.
        let failing = step == "announce" && manner == Manner::Echoes;
        assert_eq!(ran.code, i32::from(failing), "{step}: {}\n{}", ran.out, ran.err);
        let mut texts = vec![(format!("{step}'s output"), ran.out), (format!("{step}'s errors"), ran.err)];
        if place.path("reports").exists() {
            texts.extend(place.reports("").into_iter().map(|name| {
                let text = place.read(&format!("reports/{name}"));
                (name, text)
            }));
        }
        for (what, text) in texts {
            assert!(!text.contains("hush"), "{bot} {manner:?}: {what} of {step} holds a secret:\n{text}");
        }
    }
    heads.lock().unwrap().clone()
}

#[test]
fn a_run_that_tells_everybody_gives_no_secret_away() {
    for manner in [Manner::Takes, Manner::Echoes] {
        let by_bot = nothing_gets_out(true, manner);
        let by_webhook = nothing_gets_out(false, manner);
        // The secrets were used: each of them arrived where it belongs.
        for (name, secret) in SECRETS {
            let came = by_bot.iter().chain(&by_webhook).any(|head| head.contains(secret));
            // What is signed with never leaves.
            assert_eq!(came, name != "HOOK_KEY", "{manner:?} {name}");
        }
    }
}
