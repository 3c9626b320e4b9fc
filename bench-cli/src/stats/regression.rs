//! Least squares with several columns: what groups of columns explain.
//!
//! The normal equations are solved by Gauss–Jordan elimination. A column that the ones before it determine is
//! left out, so that its coefficient is 0 (J. H. Goodnight, "A Tutorial on the SWEEP Operator", *The American
//! Statistician* 33 (1979), 149–158).

/// A column that the ones before it determine up to this fraction of its squares adds nothing to them.
const TOLERANCE: f64 = 1e-9;

/// The normal equations of weighted rows.
#[derive(Clone, Debug)]
pub struct NormalEquations {
    products: Vec<Vec<f64>>,
    right: Vec<f64>,
}

/// What some columns explain.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The sum of squares, about 0.
    pub squares: f64,
    /// How many of the columns are independent.
    pub rank: usize,
    /// A coefficient for each column; 0 for those that others determine.
    pub coefficients: Vec<f64>,
}

impl NormalEquations {
    /// Those of rows, each with its weight and its y. All rows have as many columns.
    pub fn of<'a>(rows: impl IntoIterator<Item = (&'a [f64], f64, f64)>) -> NormalEquations {
        let mut equations = NormalEquations { products: Vec::new(), right: Vec::new() };
        for (row, weight, y) in rows {
            let NormalEquations { products, right } = &mut equations;
            products.resize_with(row.len(), || vec![0.0; row.len()]);
            right.resize(row.len(), 0.0);
            for (i, a) in row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                right[i] += weight * a * y;
                for (product, b) in products[i].iter_mut().zip(row) {
                    *product += weight * a * b;
                }
            }
        }
        equations
    }

    /// What these columns explain together.
    pub fn explained(&self, columns: &[usize]) -> Explained {
        let count = columns.len();
        let row = |&i: &usize| {
            let products = columns.iter().map(|&j| self.products[i][j]);
            products.chain([self.right[i]]).collect::<Vec<f64>>()
        };
        let mut rows: Vec<Vec<f64>> = columns.iter().map(row).collect();
        let mut coefficients = vec![0.0; count];
        let mut pivots = Vec::new();
        for pivot in 0..count {
            let value = rows[pivot][pivot];
            if value <= TOLERANCE * self.products[columns[pivot]][columns[pivot]] {
                continue;
            }
            pivots.push(pivot);
            rows[pivot].iter_mut().for_each(|cell| *cell /= value);
            let own = rows[pivot].clone();
            for (_, row) in rows.iter_mut().enumerate().filter(|(place, _)| *place != pivot) {
                let factor = row[pivot];
                row.iter_mut().zip(&own).for_each(|(cell, own)| *cell -= factor * own);
            }
        }
        for &pivot in &pivots {
            coefficients[pivot] = rows[pivot][count];
        }
        let squares = columns.iter().zip(&coefficients).map(|(&i, b)| self.right[i] * b).sum();
        Explained { squares, rank: pivots.len(), coefficients }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_and_a_column_that_says_nothing_new_is_left_out() {
        let rows: Vec<[f64; 4]> =
            [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (2.0, 3.0)].map(|(a, b)| [1.0, a, b, a + b]).into();
        let y = |row: &[f64; 4]| 5.0 + 2.0 * row[1] - 3.0 * row[2];
        let equations = NormalEquations::of(rows.iter().map(|row| (row.as_slice(), 1.0, y(row))));
        let all = equations.explained(&[0, 1, 2, 3]);
        let expected = [5.0, 2.0, -3.0, 0.0];
        assert!(all.coefficients.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{all:?}");
        assert_eq!(all.rank, 3);
        assert!((all.squares - rows.iter().map(|row| y(row).powi(2)).sum::<f64>()).abs() < 1e-9);
        // The mean alone explains n · mean².
        let mean = rows.iter().map(y).sum::<f64>() / 4.0;
        assert!((equations.explained(&[0]).squares - 4.0 * mean.powi(2)).abs() < 1e-9);
    }
}
