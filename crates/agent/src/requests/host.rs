//! The machine that the agent runs on, as far as `/proc` tells.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tribune_acl::{Access, Permission};
use tribune_types::call::{Answer, CallError};

use crate::api::Caller;

pub(crate) fn describe(caller: &Caller<'_>) -> Result<Answer, CallError> {
    caller.require(Permission::Operator(Access::Read))?;
    let mut errors = Vec::new();
    let mut read = |path: &str| {
        std::fs::read_to_string(path).unwrap_or_else(|error| {
            errors.push(format!("{path}: {error}"));
            String::new()
        })
    };
    let (memory, cpus) = (read("/proc/meminfo"), read("/proc/cpuinfo"));
    let (name, kernel, uptime) = (
        read("/proc/sys/kernel/hostname"),
        read("/proc/sys/kernel/osrelease"),
        read("/proc/uptime"),
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let uptime = uptime
        .split(['.', ' '])
        .next()
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .unwrap_or(0);
    let body = json!({
        "Memory": memory_of(&memory),
        "CPU": cpus_of(&cpus),
        "Host": {
            "hostname": name.trim(),
            "uptime": uptime,
            "bootTime": now.as_secs().saturating_sub(uptime),
            "os": std::env::consts::OS,
            "kernelVersion": kernel.trim(),
            "kernelArch": std::env::consts::ARCH,
        },
        "CollectionTime": u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
        "Errors": (!errors.is_empty()).then_some(errors),
    });
    Ok(Answer::json(&body))
}

/// Memory in bytes, from lines such as `MemTotal:       16384 kB`.
fn memory_of(text: &str) -> Value {
    let pairs: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            let kilobytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
            Some((name, kilobytes * 1024))
        })
        .collect();
    let of = |name: &str| pairs.get(name).copied().unwrap_or(0);
    let (total, available) = (of("MemTotal"), of("MemAvailable"));
    let used = total.saturating_sub(available);
    json!({
        "total": total,
        "available": available,
        "used": used,
        "usedPercent": if total == 0 { 0.0 } else { used as f64 * 100.0 / total as f64 },
        "free": of("MemFree"),
        "buffers": of("Buffers"),
        "cached": of("Cached"),
    })
}

/// The processors, from paragraphs of lines such as `model name : Such and such`.
fn cpus_of(text: &str) -> Vec<Value> {
    let paragraphs = text.split("\n\n").filter(|text| text.contains("processor"));
    let field = |paragraph: &str, name: &str| {
        let line = paragraph
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == name);
        line.map_or("", |(_, value)| value.trim()).to_owned()
    };
    paragraphs
        .map(|paragraph| {
            json!({
                "cpu": field(paragraph, "processor").parse::<u32>().unwrap_or(0),
                "vendorId": field(paragraph, "vendor_id"),
                "modelName": field(paragraph, "model name"),
                "mhz": field(paragraph, "cpu MHz").parse::<f64>().unwrap_or(0.0),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_bytes() {
        let memory = memory_of("MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nOdd\n");
        assert_eq!(memory["total"], 1_024_000);
        assert_eq!(memory["used"], 768_000);
        assert_eq!(memory["usedPercent"], 75.0);
        assert_eq!(memory_of("")["usedPercent"], 0.0);
    }

    #[test]
    fn each_processor_is_told_of() {
        let text = "processor\t: 0\nmodel name\t: A\ncpu MHz\t: 2000.5\n\nprocessor\t: 1\nmodel name\t: B\n\n";
        let cpus = cpus_of(text);
        assert_eq!(cpus.len(), 2);
        assert_eq!(
            (&cpus[0]["modelName"], &cpus[1]["cpu"]),
            (&json!("A"), &json!(1))
        );
        assert_eq!(cpus[0]["mhz"], 2000.5);
    }
}
