"""Methods of deciding trials, one a file; `choose` says which one answers which question.

base.py             the contract
choose.py           the table: problem, n, ε → method
nearest_sum.py      subset sums: meet in the middle; coverage
line.py             networks on the line, as one subset sum
plane.py            rows in the plane: kink lemma, local walk, arcs, search near the kink, clusters
at_points.py        rows for d >= 3 and with bias: all masks, descent, a direction or breakpoint missing
normals.py          rows for d >= 3, readout linear: the nearest normal, subsets of the nearest neurons
single_weights.py   scissors: all masks, sums apart, shared sums, whole rows
axis_sums.py        an axis target: sums of few terms, sums of groups of neurons
axis_cuts.py        an axis target, rows and a few single cuts: neurons cut to its input
axis_rows.py        an axis target, laws with atoms: sums of the rows that read its input alone
on_inputs.py        a pattern that is whole rows on the inputs that matter
elimination.py      rows in the plane and in planes: what no mask keeps, then what is left exactly
integer_program.py  HiGHS, the judge
searches.py         gradients over masks, swaps, differencing: asked for by name, hits only
all_masks.py        any problem of few parts
in_order.py         several of these, the cheapest first
"""
