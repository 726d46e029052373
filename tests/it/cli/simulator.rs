//! The simulator as a process on loopback, ended with the test that started it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use super::place::Place;

/// A simulator that serves until it is dropped.
pub(super) struct Simulator {
    child: Child,
    endpoint: String,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Simulator {
    /// Starts one on the place's configuration and manifest, and tells the place of it.
    pub(super) fn start(place: &mut Place, speed: u32, more: &str) -> Self {
        let speed = speed.to_string();
        let mut args = vec!["simulator", "--speed", &speed, "--from-packer", "manifest.json"];
        args.extend(more.split_whitespace());
        let mut child = place.command(&args).stdout(Stdio::piped()).spawn().expect("the simulator starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut simulator = Self { child, endpoint: String::new() };
        for line in lines {
            let line = line.expect("a line");
            let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('='))
            else {
                continue;
            };
            place.set(name, value.trim_matches('\''));
            if name == "AWS_ENDPOINT_URL" {
                value.trim_start_matches("http://").clone_into(&mut simulator.endpoint);
            }
            // The last that it prints.
            if name == "AMI_REFRESH_CLOCK" {
                return simulator;
            }
        }
        panic!("the simulator ended before it served");
    }

    /// A place with a simulator and a candidate.
    pub(super) fn with_candidate(speed: u32, more: &str) -> (Place, Self) {
        let mut place = Place::new();
        let simulator = Self::start(&mut place, speed, more);
        place.run("candidate --from-packer manifest.json").exits(0);
        (place, simulator)
    }

    /// The tags of every image, in EC2's XML.
    pub(super) fn image_tags(&self) -> String {
        let answer = self.ask("Action=DescribeTags");
        // Without the request's id, which is another each time.
        let (_, tags) = answer.split_once("<tagSet").expect("a set of tags");
        tags.to_owned()
    }

    /// Takes a tag of an image away, as somebody in the home account can.
    pub(super) fn untag_image(&self, image: &str, key: &str) {
        let key = key.replace(':', "%3A").replace('/', "%2F");
        self.ask(&format!("Action=DeleteTags&ResourceId.1={image}&Tag.1.Key={key}"));
    }

    /// What EC2 answers the home account.
    fn ask(&self, query: &str) -> String {
        let body = format!("{query}&Version=2016-11-15");
        let scope = "AKIASIMULATEDHOMEKEY/20261122/eu-west-2/ec2/aws4_request";
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\r\n{body}",
            self.endpoint,
            body.len(),
        );
        let mut stream = TcpStream::connect(&self.endpoint).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }
}
