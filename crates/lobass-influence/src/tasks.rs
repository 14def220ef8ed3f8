//! Target tasks, and how much a row helps with them.

use crate::Error;

/// Target rows by task, under one warm-up checkpoint or several.
///
/// The mean over the rows of a task of products with a vector is the product with their mean, so one vector of each task
/// and checkpoint is kept.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// For each checkpoint: its learning rate, as a share of all.
    weights: Vec<f64>,
    /// For each checkpoint and task: the mean vector.
    means: Vec<Vec<Vec<f64>>>,
}

/// How much a row helps.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// With each task.
    pub of_task: Vec<f64>,
    /// The largest of these.
    pub score: f64,
}

impl Tasks {
    /// Takes the mean learning rate of each checkpoint's epoch, and of each checkpoint and task the vectors of its rows.
    /// A row that has no vector under any of the checkpoints is left out of its task under all of them.
    ///
    /// # Errors
    /// [`Error::LearningRate`] if the learning rates are no weights, [`Error::EmptyTask`] if no row of a task has vectors.
    ///
    /// # Panics
    /// If checkpoints have different tasks, or tasks different rows or lengths of vectors.
    pub fn new(learning_rates: &[f64], vectors: &[Vec<Vec<Option<Vec<f32>>>>]) -> Result<Self, Error> {
        assert_eq!(learning_rates.len(), vectors.len(), "vectors for each checkpoint");
        let whole: f64 = learning_rates.iter().sum();
        let misfit = |&rate: &f64| !rate.is_finite() || rate < 0.0 || whole <= 0.0;
        if let Some(checkpoint) = learning_rates.iter().position(misfit) {
            return Err(Error::LearningRate { checkpoint, found: learning_rates[checkpoint].to_string() });
        }
        let n_tasks = vectors.first().map_or(0, Vec::len);
        assert!(vectors.iter().all(|tasks| tasks.len() == n_tasks), "the same tasks under each checkpoint");
        let mut means: Vec<Vec<Vec<f64>>> = vec![Vec::new(); vectors.len()];
        for task in 0..n_tasks {
            let rows: Vec<&[Option<Vec<f32>>]> = vectors.iter().map(|tasks| &tasks[task][..]).collect();
            let n_rows = rows.first().map_or(0, |rows| rows.len());
            assert!(rows.iter().all(|rows| rows.len() == n_rows), "the same rows under each checkpoint");
            let usable: Vec<usize> =
                (0..n_rows).filter(|&row| rows.iter().all(|rows| rows[row].is_some())).collect();
            if usable.is_empty() {
                return Err(Error::EmptyTask { task, n_rows });
            }
            for (means, rows) in means.iter_mut().zip(&rows) {
                means.push(mean(usable.iter().filter_map(|&row| rows[row].as_deref()), usable.len()));
            }
        }
        Ok(Self { weights: learning_rates.iter().map(|rate| rate / whole).collect(), means })
    }

    /// The number of tasks.
    pub fn len(&self) -> usize {
        self.means.first().map_or(0, Vec::len)
    }

    /// Whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much a row helps, given its vector under each checkpoint.
    ///
    /// # Panics
    /// If there is not a vector for each, or if one has another length.
    pub fn influence(&self, vectors: &[&[f32]]) -> Influence {
        assert_eq!(vectors.len(), self.weights.len(), "a vector under each checkpoint");
        let of_task = |task: usize| {
            let parts = vectors.iter().zip(&self.means).zip(&self.weights);
            parts.map(|((vector, means), weight)| weight * dot(vector, &means[task])).sum::<f64>()
        };
        let of_task: Vec<f64> = (0..self.len()).map(of_task).collect();
        let score = of_task.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Influence { of_task, score }
    }
}

fn mean<'a>(vectors: impl Iterator<Item = &'a [f32]>, n: usize) -> Vec<f64> {
    let mut sums: Vec<f64> = Vec::new();
    for vector in vectors {
        sums.resize(vector.len(), 0.0);
        sums.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    for sum in &mut sums {
        *sum /= n as f64;
    }
    sums
}

fn dot(left: &[f32], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len(), "vectors of one length");
    left.iter().zip(right).map(|(&left, right)| f64::from(left) * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(vectors: &[[f32; 2]]) -> Vec<Option<Vec<f32>>> {
        vectors.iter().map(|vector| Some(vector.to_vec())).collect()
    }

    #[test]
    fn checkpoints_weigh_by_their_learning_rates_and_the_best_task_counts() {
        let first = vec![rows(&[[1.0, 0.0], [0.0, 1.0]]), rows(&[[-1.0, 0.0]])];
        let second = vec![rows(&[[0.0, 1.0], [0.0, 1.0]]), rows(&[[0.0, -1.0]])];
        let tasks = Tasks::new(&[3e-5, 1e-5], &[first, second]).unwrap();
        let found = tasks.influence(&[&[0.6, 0.8], &[0.0, -1.0]]);
        // 3/4 of (0.6 + 0.8) / 2 and 1/4 of -1; 3/4 of -0.6 and 1/4 of 1.
        for (found, expected) in found.of_task.iter().zip([0.275, -0.2]) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
        assert_eq!(found.score, found.of_task[0]);
    }

    #[test]
    fn a_row_without_a_vector_counts_for_nothing() {
        let with = vec![rows(&[[1.0, 0.0]])];
        let mut holed = rows(&[[1.0, 0.0], [0.0, 1.0]]);
        holed[1] = None;
        let other = rows(&[[1.0, 0.0], [0.5, 0.5]]);
        let score = |tasks: Result<Tasks, Error>, n: usize| {
            tasks.unwrap().influence(&vec![&[0.6f32, 0.8][..]; n]).score
        };
        let expected = score(Tasks::new(&[1.0], &[with]), 1);
        assert_eq!(score(Tasks::new(&[1.0, 1.0], &[vec![holed.clone()], vec![other]]), 2), expected);
        holed[0] = None;
        let error = Tasks::new(&[1.0], &[vec![holed]]).unwrap_err();
        assert_eq!(error, Error::EmptyTask { task: 0, n_rows: 2 });
        let error = Tasks::new(&[0.0], &[vec![rows(&[[1.0, 0.0]])]]).unwrap_err();
        assert!(error.to_string().contains("found 0"), "{error}");
    }
}
