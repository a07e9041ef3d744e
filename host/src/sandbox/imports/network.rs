//! `liftlock:network/network`.

use crate::capability::network::{Downloaded, ExpectedPin, Response};
use crate::engine::Touches;
use crate::sandbox::bindings::liftlock::network::network::{self, Pin};
use crate::sandbox::bindings::liftlock::run::types::Failure;
use crate::sandbox::guest::{Answer, Guest, answer};

impl network::Host for Guest {
    fn get(&mut self, url: String, max_bytes: u64) -> Answer<network::Response, Failure> {
        let network = &self.network;
        let called = self.talk.read("network.get", &(&url, max_bytes), || network.get(&url, max_bytes));
        Ok(answer(called)?.map(response))
    }

    fn head(&mut self, url: String) -> Answer<network::Response, Failure> {
        let network = &self.network;
        let called = self.talk.read("network.head", &url, || network.head(&url));
        Ok(answer(called)?.map(response))
    }

    fn download(&mut self, url: String, name: String, expect: Option<Pin>) -> Answer<network::Downloaded, Failure> {
        let network = &self.network;
        let expect = expect.map(|pin| ExpectedPin { sha256: pin.sha256, size: pin.size });
        let pin = expect.as_ref().map(|p| (&p.sha256, p.size));
        let called = self.talk.effect("network.download", &(&url, &name, pin), Touches::Nothing, |effect| {
            network.prepare_download(effect, &url, &name, expect.as_ref())
        });
        let result: Result<Downloaded, Failure> = answer(called)?;
        Ok(result.map(|done| {
            self.talk.mint("artifact", &done.artifact);
            self.files.admit_artifact(&done.artifact);
            network::Downloaded { artifact: done.artifact, sha256: done.sha256, size: done.size, extra: done.extra }
        }))
    }
}

fn response(from: Response) -> network::Response {
    network::Response { url: from.url, status: from.status, headers: from.headers, body: from.body, extra: from.extra }
}
