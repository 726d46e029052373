//! `simulator`: serves the simulator on loopback until a signal comes.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::context::{CLOCK_VARIABLE, write_clock};
use super::rehearse::WorldArgs;
use super::rehearse::reach::{self, Ground};
use super::{Failure, Output, signals};
use crate::cli::Global;
use crate::clock::Clock;
use crate::model::Exit;
use crate::sim::{HOME_KEY, HOME_SECRET, Setup, Simulator, serve};

/// Serve the simulator on loopback, for the AWS CLI, boto3, or a pipeline's test
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints what its users must set, and serves until SIGTERM or Ctrl-C. Its instances answer
on addresses in 127.0.0.0/8.

Example:
  ami-refresh simulator --port 4570 --speed 60 > sim.env &
  sleep 1; . ./sim.env; aws autoscaling describe-auto-scaling-groups")]
pub struct Args {
    /// The port on 127.0.0.1; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// How much faster than the system's its clock runs
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,

    #[command(flatten)]
    world: WorldArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=100_000.0).contains(&speed) { Ok(speed) } else { Err("it goes from 0.1 to 100000".to_owned()) }
}

pub(super) async fn run(global: &Global, args: &Args) -> Result<Exit, Failure> {
    let staged = args.world.stage(global)?;
    reach::check(global, &staged.scenario, &staged.setup.fleet, Ground::Everything)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
        let what = format!("failed to listen on 127.0.0.1:{}", args.port);
        Failure::usage(what, error.to_string(), "choose another --port, or 0 for any that is free")
    })?;
    let address = listener.local_addr()?;
    let pipelines = staged.setup.fleet.pipelines.iter().fold(String::new(), |lines, pipeline| {
        lines + "# An image pipeline of it: " + &pipeline.arn() + "\n"
    });
    let setup = Setup { loopback_block: Some(address.port()), ..staged.setup };
    let clock = Clock::starting_at(staged.begins, args.speed);
    let simulator = Simulator::new(setup, clock);
    let region = staged.images.first().map_or("eu-west-2", |(region, _)| region.as_str());
    let text = format!(
        "# A simulator of AWS, not AWS: scenario {}, seed {}, {} times as fast as real time.\n\
         {pipelines}\
         export AWS_ENDPOINT_URL=http://{address}\n\
         export AWS_ACCESS_KEY_ID={HOME_KEY}\n\
         export AWS_SECRET_ACCESS_KEY={HOME_SECRET}\n\
         export AWS_REGION={region}\n\
         export AWS_DEFAULT_REGION={region}\n\
         export AWS_EC2_METADATA_DISABLED=true\n\
         export {CLOCK_VARIABLE}='{}'\n",
        staged.scenario.name,
        args.world.seed,
        args.speed,
        write_clock(staged.begins, args.speed),
    );
    Output::new(global).text(&text)?;
    let shutdown = async {
        // Without handlers there is no way to end it gently: it is ended as any process.
        if signals::ended().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(simulator, listener, shutdown).await?;
    Ok(Exit::Done)
}
