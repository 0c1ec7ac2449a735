//! The t test of a correlation.

/// Returns the probability that `freedom + 2` independent points correlate by `correlation` or more, either way.
///
/// With t² = r² ν / (1 - r²), the two-sided probability of Student's distribution is the regularised incomplete beta
/// function I(1 - r²; ν/2, 1/2), see DLMF 8.17 and Numerical Recipes, 3rd edition, 6.14.11.
pub(super) fn p_value(correlation: f64, freedom: f64) -> f64 {
    let r2 = correlation * correlation;
    let rest = (1.0 - correlation.abs()) * (1.0 + correlation.abs());
    if rest <= 0.0 {
        return 0.0;
    }
    let a = freedom / 2.0;
    // x^a (1 - x)^b / B(a, b) at x = 1 - r² and b = 1/2; ln_1p keeps small r² precise.
    let power = if r2 < 0.5 { (-r2).ln_1p() } else { rest.ln() };
    let front = (a * power).exp() * correlation.abs() * half_step(a) / std::f64::consts::PI.sqrt();
    // The fraction converges fast below the mean of the distribution; above, I(x; a, b) = 1 - I(1 - x; b, a).
    let p = if rest < (a + 1.0) / (a + 2.5) {
        front * fraction(a, 0.5, rest) / a
    } else {
        1.0 - front * fraction(0.5, a, r2) / 0.5
    };
    p.clamp(0.0, 1.0)
}

/// Evaluates the continued fraction of the incomplete beta function, DLMF 8.17.22, by the modified Lentz algorithm.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..MAX_STEPS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

/// Returns Γ(a + 1/2) / Γ(a), by the asymptotic series of DLMF 5.11.13 after enough steps of Γ(a + 1) = a Γ(a).
fn half_step(mut a: f64) -> f64 {
    let mut steps = 1.0;
    while a < 24.0 {
        steps *= a / (a + 0.5);
        a += 1.0;
    }
    let series = SERIES.iter().rev().fold(0.0, |sum, coefficient| sum / a + coefficient);
    steps * a.sqrt() * series
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value }
}

/// Coefficients of 1, 1/a, 1/a², … in Γ(a + 1/2) / (Γ(a) √a).
const SERIES: [f64; 8] = [
    1.0,
    -1.0 / 8.0,
    1.0 / 128.0,
    5.0 / 1_024.0,
    -21.0 / 32_768.0,
    -399.0 / 262_144.0,
    869.0 / 4_194_304.0,
    39_325.0 / 33_554_432.0,
];
/// Steps of the fraction after which it is taken as it is. About the square root of the larger argument are needed.
const MAX_STEPS: u16 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `betainc(nu / 2, 1 / 2, 0, 1 - r**2, regularized=True)` of mpmath 1.4 at 40 digits.
    const KNOWN: &[(f64, f64, f64)] = &[
        (1e-06, 1.0, 0.9999993633802277),
        (0.01, 1.0, 0.9936336961682538),
        (0.1, 1.0, 0.9362314391414801),
        (0.3, 1.0, 0.8060266319586434),
        (0.7, 1.0, 0.50636662221327),
        (0.99, 1.0, 0.09010682728882424),
        (0.999999, 1.0, 0.0009003163911964272),
        (1e-06, 2.0, 0.999999),
        (0.01, 2.0, 0.99),
        (0.1, 2.0, 0.9),
        (0.3, 2.0, 0.7),
        (0.7, 2.0, 0.30000000000000004),
        (0.99, 2.0, 0.010000000000000009),
        (0.999999, 2.0, 1.0000000000287557e-06),
        (1e-06, 3.0, 0.9999987267604553),
        (0.01, 3.0, 0.9872678167624224),
        (0.1, 3.0, 0.8728885715695381),
        (0.3, 3.0, 0.6238376647810729),
        (0.7, 3.0, 0.18812040437418737),
        (0.99, 3.0, 0.0011986195114020064),
        (0.999999, 3.0, 1.2004215748646405e-09),
        (1e-06, 28.0, 0.999995815512538),
        (0.01, 28.0, 0.9581732516324735),
        (0.1, 28.0, 0.5990480217807456),
        (0.3, 28.0, 0.10724594805795436),
        (0.7, 28.0, 1.6647910069881456e-05),
        (0.99, 28.0, 2.3040857723400385e-25),
        (0.999999, 28.0, 2.4485080958736874e-81),
        (1e-06, 599.0, 0.9999804803415335),
        (0.01, 599.0, 0.8067284088161828),
        (0.1, 599.0, 0.014183714999218775),
        (0.3, 599.0, 5.77827395337741e-14),
        (0.7, 599.0, 1.214692067249142e-89),
        (1e-06, 1022.0, 0.9999744988789432),
        (0.01, 1022.0, 0.7492585744650246),
        (0.1, 1022.0, 0.0013547316767200225),
        (0.3, 1022.0, 9.681689166886655e-23),
        (0.7, 1022.0, 1.3180443087006179e-151),
        (1e-06, 50000.0, 0.9998215884819313),
        (0.01, 50000.0, 0.02534438963946371),
        (0.1, 50000.0, 2.7006118744689053e-111),
    ];

    #[test]
    fn probabilities_agree_with_those_of_mpmath() {
        for &(correlation, freedom, expected) in KNOWN {
            let p = p_value(correlation, freedom);

            assert!((p - expected).abs() <= 1e-11 * expected, "r {correlation}, nu {freedom}: {p:e}, not {expected:e}");
        }
    }

    #[test]
    fn both_ends_are_exact() {
        for freedom in [1.0, 2.0, 598.0, 1e6] {
            assert_eq!(p_value(0.0, freedom), 1.0);
            assert_eq!(p_value(1.0, freedom), 0.0);
            assert_eq!(p_value(-1.0, freedom), 0.0);
        }
    }

    #[test]
    fn the_sign_does_not_matter_and_more_correlation_is_less_probable() {
        for freedom in [1.0, 3.0, 28.0, 599.0, 50_000.0] {
            let all: Vec<f64> = (0..=100).map(|percent| p_value(f64::from(percent) / 100.0, freedom)).collect();

            assert!(all.windows(2).all(|pair| pair[0] >= pair[1]), "nu {freedom}");
            assert_eq!(p_value(-0.3, freedom), p_value(0.3, freedom));
        }
    }
}
