"""Members written down: those of a list somebody uploaded, and those of audiences that are kept up to date.

Whoever asks who is meant asks campaigns.audiences, which draws anew; what is written here is for who must know at once or for
many at a time: journeys, a message's blocks, look-ups of one member.
"""
