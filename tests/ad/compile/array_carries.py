"""Small programs whose loops carry arrays, each of which would show it if two arrays shared their memory.

A compiled loop puts a new carry where the old one was, or where its row is kept, if nobody needs the old one
any more. These programs need it: after the new one was made, in a row, a branch, a loop within, a view.
`x` has 4 elements, `m` 3 rows of 4, `rows` 5 of 4.
"""

import numpy as np

import tinydp as dp

PROGRAMS = []
TABLE = np.linspace(-1.0, 1.0, 20).reshape(5, 4)


def program(f):
    PROGRAMS.append(f)
    return f


# ---------------------------------------------------------------------------- old and new, and their rows

@program
def old_times_new_is_kept(x, m, rows):
    def step(c, r):
        new = np.sin(c) * r + c[::-1]
        return new, c * new
    return dp.scan(step, x, rows)


@program
def the_old_one_is_kept(x, m, rows):
    return dp.scan(lambda c, r: (np.tanh(c + r), c), x, rows)


@program
def both_and_a_part_of_each_are_kept(x, m, rows):
    def step(c, r):
        new = np.tanh(c * r) + c[0]
        return new, (c, new, c[1:3], new[::-1])
    return dp.scan(step, x, rows)


@program
def the_new_one_is_kept_twice(x, m, rows):
    def step(c, r):
        new = c * 0.9 + r
        return new, (new, new)
    return dp.scan(step, x, rows)


@program
def not_changed_at_all(x, m, rows):
    return dp.scan(lambda c, r: (c, np.sin(c) + r), x, rows), np.cos(x)


@program
def a_copy_of_the_start_is_kept(x, m, rows):
    end, ys = dp.scan(lambda c, r: (c * r - x, c + x), x, rows)
    return end, ys, x, x * 2.0


@program
def what_was_written_is_read_again(x, m, rows):
    end, ys = dp.scan(lambda c, r: (np.sin(c) + r, c), x, rows)
    return end, ys, ys[1:] * ys[:-1], ys[-1] - end


@program
def rows_are_the_next_loops_rows(x, m, rows):
    one, ys = dp.scan(lambda c, r: (np.sin(c + r), c * r), x, rows)
    two, zs = dp.scan(lambda c, r: (c * 0.5 + r, (c, r)), one, ys)
    return one, two, ys, zs


@program
def rows_backwards(x, m, rows):
    end, ys = dp.scan(lambda c, r: (np.tanh(c) - r, c), x, rows[::-1])
    return dp.scan(lambda c, y: (c * y, c + y), end, ys[::-1]), ys


@program
def rows_turned_and_flat(x, m, rows):
    end, ys = dp.scan(lambda c, r: (np.cos(c) * r, c), x, rows)
    return ys.T, ys.reshape(-1)[::3], np.reshape(end, (2, 2)).T


# ---------------------------------------------------------------------------- several carries

@program
def twice_the_same_at_the_start(x, m, rows):
    return dp.scan(lambda c, r: ((c[0] * r, c[1] + c[0]), c), (x, x), rows)


@program
def twice_the_same_at_the_end(x, m, rows):
    def step(c, r):
        new = np.sin(c[0]) * c[1] + r
        return (new, new), c[1]
    return dp.scan(step, (x, m[0]), rows)


@program
def changing_places(x, m, rows):
    return dp.scan(lambda c, r: ((c[1], c[0]), (c[0] * r, c[1])), (x, m[1]), rows)


@program
def changing_places_and_changed(x, m, rows):
    return dp.scan(lambda c, r: ((c[1] * r, np.sin(c[0])), (c[1], c[0])), (x, m[1]), rows)


@program
def three_in_a_ring(x, m, rows):
    return dp.scan(lambda c, r: ((c[1], c[2], c[0] + r), c[0] * c[2]), (m[0], m[1], x), rows)


@program
def a_queue(x, m, rows):
    def step(c, r):
        a, b, d = c
        return (np.sin(d) * r, a, b), (d, a)
    return dp.scan(step, (x, x * 2.0, x), rows)


@program
def one_takes_what_the_other_was(x, m, rows):
    def step(c, r):
        a, before = c
        return (np.tanh(a + before * r), a), a - before
    return dp.scan(step, (x, np.zeros(4)), rows)


@program
def by_name(x, m, rows):
    def step(c, r):
        return {"p": c["q"], "q": c["p"] * r + c["q"]}, c
    return dp.scan(step, {"p": x, "q": x}, rows)


@program
def momentum(x, m, rows):
    def step(c, r):
        p, v, mean = c
        v = 0.9 * v - 0.1 * np.sin(p) * r
        return (p + v, v, 0.5 * mean + 0.5 * p), (p, mean)
    return dp.scan(step, (x, np.zeros(4), x), rows)


# ---------------------------------------------------------------------------- parts, and what moves within

@program
def shifted_by_one(x, m, rows):
    return dp.scan(lambda c, r: (np.concatenate([r[:1], c[:-1]]), c), x, rows)


@program
def rolled_and_added(x, m, rows):
    return dp.scan(lambda c, r: (np.roll(c, 1) + 0.1 * np.roll(c, -1) * r, c[0] * c), x, rows)


@program
def backwards_where_positive(x, m, rows):
    return dp.scan(lambda c, r: (np.where(c > 0.0, c[::-1] * r, np.cos(c)), c), x, rows)


@program
def an_element_set(x, m, rows):
    def step(c, kr):
        k, r = kr
        new = dp.set_at(c, k % 4, np.sum(c * r))
        return new, (c, new[k % 4] - c[k % 4])
    return dp.scan(step, x, enumerate(rows))


@program
def a_slice_set_from_a_slice(x, m, rows):
    return dp.scan(lambda c, r: (dp.set_at(c, slice(1, 4), c[:3] * r[1:]), c), x, rows)


@program
def set_twice_and_the_one_between_kept(x, m, rows):
    def step(c, r):
        between = dp.set_at(c, 0, np.sin(c[3]))
        return dp.set_at(between, 1, between[0] * r[0] + c[1]), (between, c)
    return dp.scan(step, x, rows)


@program
def added_at_places_of_itself(x, m, rows):
    places = np.array([0, 0, 3])
    return dp.scan(lambda c, r: (dp.add_at(0.5 * c, places, c[:3] * r[1:]), c), x, rows)


@program
def a_window_of_rows(x, m, rows):
    def step(c, r):
        return np.concatenate([c[1:], np.sin(r + c[0])[None]]), np.mean(c, axis=0)
    return dp.scan(step, m, rows)


@program
def a_row_set_in_a_matrix(x, m, rows):
    def step(c, kr):
        k, r = kr
        return dp.set_at(c, k % 3, np.sin(c[(k + 1) % 3]) * r), (c[0], c @ r)
    return dp.scan(step, m, enumerate(rows))


@program
def turned_over(x, m, rows):
    return dp.scan(lambda c, r: (c.T.reshape(3, 4) * r, c[1]), m, rows)


@program
def a_square_of_itself(x, m, rows):
    def step(c, r):
        return 0.3 * (c @ c) + np.outer(r, c[0]), (c.T, np.trace(c))
    return dp.scan(step, np.outer(x, x), rows)


@program
def columns_and_rows_change_places(x, m, rows):
    def step(c, r):
        a, b = c
        return (b.T + r, a.T * 0.9), (a[0], b[:, 0])
    return dp.scan(step, (np.outer(x, m[0]), np.outer(m[1], x)), rows)


@program
def spread_and_summed(x, m, rows):
    def step(c, r):
        return np.broadcast_to(np.sum(c * r), (4,)), (c, c[:1] * r)
    return dp.scan(step, np.broadcast_to(x[0], (4,)), rows)


@program
def sorted_by_itself(x, m, rows):
    return dp.scan(lambda c, r: (np.sort(np.sin(3.0 * c) + r), c[::-1]), x, rows)


@program
def solved_for_itself(x, m, rows):
    def step(c, r):
        return np.linalg.solve(4.0 * np.eye(4) + np.outer(c, r), c), c
    return dp.scan(step, x, rows)


# ---------------------------------------------------------------------------- branches

@program
def kept_on_one_way(x, m, rows):
    return dp.scan(lambda c, r: (np.sin(c) * r + 1.0 if c[0] > r[0] else c, c), x, rows)


@program
def changing_places_on_one_way(x, m, rows):
    def step(c, r):
        a, b = c
        if a[0] > b[0]:
            a, b = b, a
        return (a + r, b * r), (a, b)
    return dp.scan(step, (x, m[1]), rows)


@program
def one_of_both_on_each_way(x, m, rows):
    def step(c, r):
        a, b = c
        new = np.sin(a) + r
        return ((new, a) if np.sum(r) > 0.0 else (b, new)), (a if r[1] > 0.0 else new)
    return dp.scan(step, (x, m[2]), rows)


@program
def sides_of_cond_that_change_places(x, m, rows):
    def step(c, r):
        return dp.cond(np.sum(c[0]) > np.sum(c[1]), lambda a, b: (b * r, a), lambda a, b: (a, b + r), *c), c
    return dp.scan(step, (x, m[0]), rows)


@program
def set_on_one_way(x, m, rows):
    def step(c, r):
        new = dp.set_at(c, 2, c[1] * r[0]) if c[1] > c[2] else c * 0.5 + r
        return new, new * c
    return dp.scan(step, x, rows)


# ---------------------------------------------------------------------------- loops within, loops in a row

@program
def the_old_one_after_the_loop_within(x, m, rows):
    def step(c, r):
        inner, _ = dp.scan(lambda s, q: (np.sin(s) * q + r, None), c, m)
        return inner + 0.5 * c, c * inner
    return dp.scan(step, x, rows)


@program
def the_loop_within_reads_the_one_around(x, m, rows):
    def step(c, r):
        inner, ys = dp.scan(lambda s, q: (s * q + c, s), c * r, m)
        return inner, (ys, c)
    return dp.scan(step, x, rows)


@program
def twice_the_same_within(x, m, rows):
    def step(c, r):
        (a, b), ys = dp.scan(lambda s, q: ((s[1] * q, s[0] + r), s[0]), (c, c), m)
        return np.tanh(a - b), (ys[1], a)
    return dp.scan(step, x, rows)


@program
def the_end_within_is_kept_and_changed(x, m, rows):
    def step(c, r):
        inner, ys = dp.scan(lambda s, q: (np.tanh(s + q), s), c, m)
        return ys[0] * r + inner, inner
    return dp.scan(step, x, rows)


@program
def rows_within_are_carried(x, m, rows):
    def step(c, r):
        last, ys = dp.scan(lambda s, q: (np.tanh(s * q + r), s), c[1], c)
        return ys, (c[0], last)
    return dp.scan(step, m, rows)


@program
def one_end_and_two_loops(x, m, rows):
    one, ys = dp.scan(lambda c, r: (np.sin(c) + r, c), x, rows)
    two, zs = dp.scan(lambda c, r: (c * one + r, c), one, rows)
    three, us = dp.scan(lambda c, r: (c - two * r, c), one, rows)
    return one, two, three, ys, zs + us


@program
def rounds_while_it_grows(x, m, rows):
    def body(s):
        c, before, k = s
        return c * 1.1 + 0.1 * before, c, k + 1
    def step(c, r):
        a, b, _ = dp.while_loop(lambda s: np.sum(s[0] ** 2) < 30.0, body, (c, r, 0))
        return np.sin(a) - b, (a, c)
    return dp.scan(step, x, rows), dp.while_loop(lambda s: np.sum(s[0] ** 2) < 30.0, body, (x, m[0], 0))


@program
def run_again_segment_by_segment(x, m, rows):
    return dp.scan(lambda c, r: ((c[1] * r, np.sin(c[0])), (c[0], c[1])), (x, m[0]), rows, segment=2)


@program
def computed_again(x, m, rows):
    return dp.scan(dp.checkpoint(lambda c, r: (np.sin(c) * r + c[::-1], c)), x, rows)


@program
def a_loop_for_each_row(x, m, rows):
    def row(start):
        return dp.scan(lambda c, r: ((c[1] + r, c[0] * r), c[0]), (start, start), rows)
    return dp.vmap(row)(m)


# ---------------------------------------------------------------------------- constants, and what is returned

@program
def from_a_constant(x, m, rows):
    return dp.scan(lambda c, r: (c + x * r, c), np.zeros(4), rows), dp.scan(
        lambda c, r: (c * x + r, c), np.zeros(4), rows)


@program
def from_a_row_of_a_constant(x, m, rows):
    return dp.scan(lambda c, r: (c[::-1] * x + r, c), TABLE[0], TABLE), TABLE[0] + x


@program
def in_one_step(x, m, rows):
    return dp.scan(lambda c, r: ((c[1], c[0] * r), c), (x, m[0]), rows[:1])


@program
def the_same_array_twice(x, m, rows):
    end, ys = dp.scan(lambda c, r: (np.tanh(c) + r, c), x, rows)
    return end, end, end[1:], ys, ys, ys[0], x


@program
def counted(x, m, rows):
    def step(c, r):
        k, a, counts = c
        return (k + 1, np.sin(a) * r + a[k % 4], dp.add_at(counts, k % 2, 1)), (a, counts, k)
    return dp.scan(step, (0, x, np.zeros(2, int)), rows)
