//! How much one sync may remove without asking.

/// How much one sync may remove of a population without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Percent of the population, 0 to 100.
    pub max_percent: u8,
    /// Smaller populations count as this large, so that small teams can change at all.
    pub min_population: u32,
    /// Never more than this many of one kind, whatever the percentage.
    pub max_count: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_percent: 20,
            min_population: 20,
            max_count: None,
        }
    }
}

impl Limits {
    /// How many removals of a population are allowed: ⌈percent × max(population, minimum)⌉ and at most the count.
    pub fn allowed(&self, population: u64) -> u64 {
        let base = population.max(u64::from(self.min_population));
        let allowed = (base * u64::from(self.max_percent.min(100))).div_ceil(100);
        self.max_count.map_or(allowed, |count| allowed.min(u64::from(count)))
    }

    /// The stricter of two, field by field: what judges the first run after limits were loosened.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            max_percent: self.max_percent.min(other.max_percent),
            min_population: self.min_population.min(other.min_population),
            max_count: least(self.max_count, other.max_count),
        }
    }
}

/// Limits of one mapping; what is `None` is as the connection has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tightening {
    /// See [`Limits::max_percent`].
    pub max_percent: Option<u8>,
    /// See [`Limits::min_population`].
    pub min_population: Option<u32>,
    /// See [`Limits::max_count`].
    pub max_count: Option<u32>,
}

impl Tightening {
    /// The connection's limits with these on top, each the stricter of the two; `None` where nothing is stricter.
    pub fn of(&self, limits: Limits) -> Option<Limits> {
        let own = Limits {
            max_percent: self.max_percent.unwrap_or(limits.max_percent),
            min_population: self.min_population.unwrap_or(limits.min_population),
            max_count: self.max_count,
        };
        Some(own.stricter(limits)).filter(|stricter| *stricter != limits)
    }

    /// The stricter of two, field by field.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            max_percent: least(self.max_percent, other.max_percent),
            min_population: least(self.min_population, other.min_population),
            max_count: least(self.max_count, other.max_count),
        }
    }
}

/// The smaller of two, where there are two.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_percent: u8, min_population: u32, max_count: Option<u32>) -> Limits {
        Limits {
            max_percent,
            min_population,
            max_count,
        }
    }

    #[test]
    fn allowed_removals_are_the_percentage_of_the_population_rounded_up() {
        assert_eq!(limits(20, 20, None).allowed(1000), 200);
        assert_eq!(limits(20, 20, None).allowed(1001), 201);
        assert_eq!(limits(0, 20, None).allowed(1000), 0);
        assert_eq!(limits(100, 20, None).allowed(1000), 1000);
    }

    #[test]
    fn a_small_population_counts_as_the_minimum() {
        assert_eq!(limits(20, 20, None).allowed(3), 4);
        assert_eq!(limits(20, 0, None).allowed(3), 1);
    }

    #[test]
    fn the_count_caps_the_percentage() {
        assert_eq!(limits(20, 20, Some(50)).allowed(1000), 50);
        assert_eq!(limits(20, 20, Some(500)).allowed(1000), 200);
    }

    #[test]
    fn the_stricter_of_two_is_stricter_in_every_field() {
        let strict = limits(50, 10, Some(5)).stricter(limits(20, 30, None));
        assert_eq!(strict, limits(20, 10, Some(5)));
    }

    #[test]
    fn a_mapping_only_tightens() {
        let limits = Limits {
            max_percent: 20,
            min_population: 20,
            max_count: Some(50),
        };
        let looser = Tightening {
            max_percent: Some(90),
            min_population: Some(100),
            max_count: Some(1000),
        };
        assert_eq!(looser.of(limits), None);
        assert_eq!(Tightening::default().of(limits), None);
        let mixed = Tightening {
            max_percent: Some(10),
            min_population: Some(100),
            max_count: None,
        };
        let expected = Limits {
            max_percent: 10,
            ..limits
        };
        assert_eq!(mixed.of(limits), Some(expected));
    }

    #[test]
    fn of_two_mappings_of_one_team_the_stricter_limit_counts_field_by_field() {
        let one = Tightening {
            max_percent: Some(10),
            min_population: None,
            max_count: Some(7),
        };
        let other = Tightening {
            max_percent: Some(20),
            min_population: Some(5),
            max_count: Some(3),
        };
        let strict = Tightening {
            max_percent: Some(10),
            min_population: Some(5),
            max_count: Some(3),
        };
        assert_eq!((one.stricter(other), other.stricter(one)), (strict, strict));
        assert_eq!(one.stricter(Tightening::default()), one);
    }
}
