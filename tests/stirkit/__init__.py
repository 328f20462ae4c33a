"""What tests of STIR/SHAKEN are made of: certificates, lists and tokens, good ones and each defect by name.

Nothing here is signed or serialised by the code under test.
"""
