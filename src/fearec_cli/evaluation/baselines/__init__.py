"""What a model has to beat: counts of the training part, ranked by the same rule as the model.

Nothing is learned but counts, nothing is drawn, and no score of users x items is held: the score of an item is 0 but
for the few items that a history leads to, so a rank is a count over those and a look into one list of popularity.
"""
