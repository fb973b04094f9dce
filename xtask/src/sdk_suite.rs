//! The official Python SDK's own test-suite through Ferry. The suite stands beside the repository
//! (`../shared/sdk-suite`); where it does not, the step is named as skipped. Never writes there.

use std::path::Path;
use std::process::Command;

use crate::Fault;
use crate::clients::in_front;
use crate::command::{bounded, logged};
use crate::place::{Place, Profile};
use crate::report::{Counts, Report, settle};
use crate::server::free_port;

/// What the suite gives without a gateway: fewer through Ferry would be a loss that no failure shows.
const DIRECT: Counts = Counts { passed: 2738, failed: 0, skipped: 683 };
/// It takes a minute and a half on two cores; ten times that is a hang.
const SUITE_SECONDS: u32 = 900;

/// Installs the suite, starts its mock with Ferry in front, runs it.
pub(crate) fn all(place: &Place, report: &mut Report) {
    let Some(suite) = place.shared("sdk-suite") else {
        report.skip("sdk-suite", "../shared/sdk-suite is not there");
        return;
    };
    let script = suite.join("run");
    let home = place.cache.join("sdk-suite");
    let mut setup = Command::new(&script);
    setup.arg("setup").env("SUITE_HOME", &home);
    if !report.program("sdk-suite setup", "the suite and its mock, once", &mut setup) {
        report.skip("sdk-suite", "its setup failed");
        return;
    }
    report.step(
        "sdk-suite",
        "the official SDK's own tests through Ferry, as many as directly",
        || {
            let binary = place.ferry(Profile::Debug)?;
            let mock = Mock::start(place, &script, &home)?;
            let ferry = in_front(place, &binary, &format!("http://127.0.0.1:{}", mock.port))?;
            let mut run = bounded(&script, SUITE_SECONDS);
            run.args(["suite", ferry.address("data")]).env("SUITE_HOME", &home);
            let ended = logged(&place.log("sdk-suite"), &mut run)?;
            let counts = settle(Counts::read(&ended.text), &ended);
            if counts.failed == 0 && counts != DIRECT {
                return Err(format!("{counts:?} where the mock alone gives {DIRECT:?}").into());
            }
            Ok(counts)
        },
    );
}

/// The suite's mock, started and stopped by the suite's own script.
struct Mock<'a> {
    script: &'a Path,
    home: &'a Path,
    port: u16,
}

impl<'a> Mock<'a> {
    fn start(place: &Place, script: &'a Path, home: &'a Path) -> Result<Self, Fault> {
        let mock = Self { script, home, port: free_port()? };
        logged(&place.log("sdk-suite-mock"), &mut mock.command("start"))?.or_fail("its mock")?;
        Ok(mock)
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new(self.script);
        command
            .args(["mock", action])
            .env("SUITE_HOME", self.home)
            .env("MOCK_PORT", self.port.to_string());
        command
    }
}

impl Drop for Mock<'_> {
    fn drop(&mut self) {
        // By the process id that the script kept; a mock that has ended by itself is as good.
        drop(self.command("stop").output());
    }
}
