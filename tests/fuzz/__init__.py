"""The fuzzer: changes valid inputs at random and sees whether the command line answers as it should.

    make fuzz
    make fuzz TRIES=500 SEED=7 KIND=data

``kinds`` has what is changed, a module each; ``mutation`` how. ``process`` runs a try, ``verdict`` judges how it ended.
"""
