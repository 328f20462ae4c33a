"""x"""
def test_x(node):
    """Summary: x."""
    print(node.trunkward("status").stdout)
    print(node.family("kamailio"))
    assert 0
