//! The price of a job as JSON.

use lobass_price::Outcome;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Price, SPEED_SPREAD, TASKS_PER_DEVICE};

impl Price {
    fn json(&self) -> Value {
        let of = |outcome: &Outcome| {
            json!({
                "hours": outcome.makespan / 3600.0,
                "device_hours": outcome.device_hours(),
                "cost_usd": self.usd(outcome),
            })
        };
        let mut array = of(&self.array);
        array["tasks_per_device"] = TASKS_PER_DEVICE.into();
        json!({
            "n_shards": self.n_shards,
            "n_models": self.models,
            "n_units": self.n_units(),
            "rows_per_second": self.rate.rows_per_second,
            "tokens_per_second": self.tokens_per_second,
            "measured": self.rate.sample().map(|sample| json!({
                "n_sequences": sample.n_sequences,
                "n_rows": sample.n_rows,
                "seconds": sample.elapsed.as_secs_f64(),
            })),
            "load_seconds": self.rate.load_seconds,
            "speed_spread": SPEED_SPREAD,
            "n_devices": self.pool.devices,
            "device_hours": self.device_seconds / 3600.0,
            "hours_at_best": self.pool.ideal / 3600.0,
            "usd_per_device_hour": self.usd_per_device_hour,
            "pool": of(&self.pool),
            "array": array,
        })
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}
