def test_x(settings):
    print(settings.DATA_DIR, settings.STORAGES)
    assert "xtnd-tests" in str(settings.DATA_DIR)
