//! Samples grouped by their x: what repetitions say about noise.

/// Samples of y at some values of x, smallest x first.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups(Vec<Group>);

/// The samples at one x.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The value on the horizontal axis.
    pub x: f64,
    /// What was measured there, in the order of the samples.
    pub ys: Vec<f64>,
}

impl Group {
    /// The mean of the samples.
    pub fn mean(&self) -> f64 {
        self.ys.iter().sum::<f64>() / self.ys.len() as f64
    }

    /// The sum of squared distances from the mean.
    pub fn squares(&self) -> f64 {
        let mean = self.mean();
        self.ys.iter().map(|y| (y - mean).powi(2)).sum()
    }

    /// The standard deviation of one sample; `None` without repetitions.
    pub fn deviation(&self) -> Option<f64> {
        let degrees_of_freedom =
            self.ys.len().checked_sub(1).filter(|&degrees_of_freedom| degrees_of_freedom > 0)?;
        Some((self.squares() / degrees_of_freedom as f64).sqrt())
    }
}

impl Groups {
    /// Groups pairs of x and y.
    pub fn of(points: &[(f64, f64)]) -> Groups {
        let mut sorted = points.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let groups = sorted.chunk_by(|a, b| a.0 == b.0);
        Groups(groups.map(|group| Group { x: group[0].0, ys: group.iter().map(|p| p.1).collect() }).collect())
    }

    /// The groups, smallest x first.
    pub fn as_slice(&self) -> &[Group] {
        &self.0
    }

    /// The group at `x` and the next one on either side.
    pub fn around(&self, x: f64) -> Groups {
        let place = self.0.partition_point(|group| group.x < x);
        let end = (place + 2).min(self.0.len());
        Groups(self.0[place.saturating_sub(1).min(end)..end].to_vec())
    }

    /// How many samples there are beyond the first of each group: the degrees of freedom of
    /// [`Groups::relative_noise`].
    pub fn degrees_of_freedom(&self) -> usize {
        self.0.iter().map(|group| group.ys.len() - 1).sum()
    }

    /// The sum of squares within groups ("pure error").
    pub fn pure_error(&self) -> f64 {
        self.0.iter().map(Group::squares).sum()
    }

    /// The standard deviation of one sample relative to its group's mean, pooled over all groups; `None`
    /// without repetitions, or if a mean is 0.
    ///
    /// Relative, because what is measured here (a latency, a number of messages) scatters in proportion to
    /// its size.
    pub fn relative_noise(&self) -> Option<f64> {
        let degrees_of_freedom = self.degrees_of_freedom();
        if degrees_of_freedom == 0 || self.0.iter().any(|group| group.ys.len() > 1 && group.mean() == 0.0) {
            return None;
        }
        let repeated = self.0.iter().filter(|group| group.ys.len() > 1);
        let squares: f64 = repeated.map(|group| group.squares() / group.mean().powi(2)).sum();
        Some((squares / degrees_of_freedom as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_gathered_and_their_noise_pooled() {
        let groups = Groups::of(&[(2.0, 20.0), (1.0, 9.0), (2.0, 20.0), (1.0, 11.0), (3.0, 5.0)]);
        assert_eq!(groups.as_slice()[0], Group { x: 1.0, ys: vec![9.0, 11.0] });
        assert_eq!((groups.degrees_of_freedom(), groups.pure_error()), (2, 2.0));
        // The squares are 0.1² + 0.1² and 0, over 2 degrees of freedom.
        assert!((groups.relative_noise().unwrap() - 0.1).abs() < 1e-12);
        let xs = |x| groups.around(x).as_slice().iter().map(|group| group.x).collect::<Vec<_>>();
        assert_eq!((xs(1.0), xs(2.0), xs(3.0)), (vec![1.0, 2.0], vec![1.0, 2.0, 3.0], vec![2.0, 3.0]));
        assert_eq!(Groups::of(&[(1.0, 2.0), (2.0, 3.0)]).relative_noise(), None);
    }
}
