//! Counters of what was asked and how it was answered, one set for each route.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use parking_lot::RwLock;

/// The counters of all routes.
#[derive(Debug, Default)]
pub(crate) struct HttpMetrics {
    routes: RwLock<Vec<Arc<RouteMetrics>>>,
    in_flight: AtomicI64,
    slow: AtomicU64,
    panics: AtomicU64,
}

/// The counters of one route. A request holds on to them, so nothing is looked up by name while it is answered.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    template: &'static str,
    methods: [OnceLock<Box<MethodMetrics>>; METHODS.len()],
}

/// The counters of one method of one route.
#[derive(Debug, Default)]
pub(crate) struct MethodMetrics {
    statuses: [AtomicU64; STATUSES.len()],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

impl HttpMetrics {
    /// Returns the counters of the route called `template`, new ones where there are none yet.
    pub(crate) fn route(&self, template: &'static str) -> Arc<RouteMetrics> {
        let mut routes = self.routes.write();
        if let Some(route) = routes.iter().find(|route| route.template == template) {
            return Arc::clone(route);
        }
        let route = Arc::new(RouteMetrics { template, methods: Default::default() });
        routes.push(Arc::clone(&route));
        route
    }

    /// Counts a request as being answered until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(crate) fn count_slow(&self) {
        self.slow.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(crate) fn in_flight(&self) -> i64 {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn slow_requests(&self) -> u64 {
        self.slow.load(Relaxed)
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
    }

    /// Shows the counters of every route and method that was asked for.
    pub(crate) fn visit(&self, mut visit: impl FnMut(&'static str, &'static str, &MethodMetrics)) {
        for route in &*self.routes.read() {
            for (method, metrics) in METHODS.iter().zip(&route.methods) {
                if let Some(metrics) = metrics.get() {
                    visit(route.template, method, metrics);
                }
            }
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<HttpMetrics>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl RouteMetrics {
    /// Counts one answer.
    pub(crate) fn record(&self, method: &Method, status: StatusCode, duration: Duration) {
        let last = METHODS.len() - 1;
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(last);
        if let Some(cell) = self.methods.get(method) {
            cell.get_or_init(Box::default).record(status, duration);
        }
    }

    pub(crate) const fn template(&self) -> &'static str {
        self.template
    }
}

impl MethodMetrics {
    fn record(&self, status: StatusCode, duration: Duration) {
        let last = STATUSES.len() - 1;
        let status = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(last);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| nanos <= bound.nanos).unwrap_or(BOUNDS.len());
        for counter in [self.statuses.get(status), self.buckets.get(bucket)].into_iter().flatten() {
            counter.fetch_add(1, Relaxed);
        }
        self.sum_nanos.fetch_add(nanos, Relaxed);
    }

    /// Returns how often each status was answered, those left out that never were.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = self.statuses.iter().map(|count| count.load(Relaxed));
        STATUSES.iter().copied().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// Returns the requests in each bucket, not added up.
    pub(crate) fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        self.buckets.each_ref().map(|count| count.load(Relaxed))
    }

    /// Returns the seconds spent on all answers.
    pub(crate) fn sum_seconds(&self) -> f64 {
        Duration::from_nanos(self.sum_nanos.load(Relaxed)).as_secs_f64()
    }
}

/// The upper end of a bucket of durations.
#[derive(Debug)]
pub(crate) struct Bound {
    nanos: u64,
    /// In seconds, as it is written.
    pub(crate) text: &'static str,
}

const fn bound(nanos: u64, text: &'static str) -> Bound {
    Bound { nanos, text }
}

/// The upper ends of the buckets, the one without end left out.
pub(crate) static BOUNDS: [Bound; 14] = [
    bound(500_000, "0.0005"),
    bound(1_000_000, "0.001"),
    bound(2_500_000, "0.0025"),
    bound(5_000_000, "0.005"),
    bound(10_000_000, "0.01"),
    bound(25_000_000, "0.025"),
    bound(50_000_000, "0.05"),
    bound(100_000_000, "0.1"),
    bound(250_000_000, "0.25"),
    bound(500_000_000, "0.5"),
    bound(1_000_000_000, "1.0"),
    bound(2_500_000_000, "2.5"),
    bound(5_000_000_000, "5.0"),
    bound(10_000_000_000, "10.0"),
];

/// The values of the label `method`; the last one stands for all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "OTHER"];

/// The values of the label `status`; the last one stands for all others, which no route answers.
const STATUSES: [u16; 26] = [
    200, 101, 201, 202, 204, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409, 413, 414, 415, 422, 426, 429, 431, 500,
    503, 504, 0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_method_status_and_duration() {
        let metrics = HttpMetrics::default();
        let route = metrics.route("/health");

        route.record(&Method::GET, StatusCode::OK, Duration::from_micros(400));
        route.record(&Method::GET, StatusCode::NOT_FOUND, Duration::from_secs(60));
        route.record(&Method::TRACE, StatusCode::IM_A_TEAPOT, Duration::from_millis(1));

        let mut seen = Vec::new();
        metrics.visit(|route, method, metrics| {
            seen.push((route, method, metrics.statuses().collect::<Vec<_>>(), metrics.buckets().iter().sum::<u64>()));
        });
        assert_eq!(seen, [("/health", "GET", vec![(200, 1), (404, 1)], 2), ("/health", "OTHER", vec![(0, 1)], 1)]);
    }

    #[test]
    fn a_route_has_one_set_of_counters() {
        let metrics = HttpMetrics::default();

        assert!(Arc::ptr_eq(&metrics.route("/a"), &metrics.route("/a")));
        assert!(!Arc::ptr_eq(&metrics.route("/a"), &metrics.route("/b")));
    }

    #[test]
    fn a_request_is_in_flight_until_it_ends() {
        let metrics = Arc::new(HttpMetrics::default());

        let request = metrics.begin();
        let during = metrics.in_flight();
        drop(request);

        assert_eq!((during, metrics.in_flight()), (1, 0));
    }
}
